//! What an agent is asked by, and what its answers mean.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use fetch::{Bounds, Client, FetchError, Speaks, encoded, secret};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use upstream::discovery::{Failure, FailureKind};

/// An agent, as the document says how to reach it. Cheap to clone; clones share connections and credentials.
#[derive(Clone)]
pub(crate) struct Agent(Arc<Shared>);

/// What is asked of an agent: a path, and what follows the question mark.
pub(super) struct Question {
    method: Method,
    path: String,
    separator: char,
    body: Bytes,
}

/// What an agent said.
pub(super) struct Said {
    /// As [`Failure`]s name it.
    path: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

struct Shared {
    settings: model::Consul,
    /// Without TLS there is nothing that could be made anew.
    plain: Option<Client>,
    /// Made anew after failures: tokens and certificates are rotated.
    access: Mutex<Option<Arc<Access>>>,
}

/// What it takes to ask.
struct Access {
    client: Client,
    token: Option<HeaderValue>,
}

/// How long an answer takes that waits for nothing.
pub(super) const AT_ONCE: Duration = Duration::from_secs(10);

const TOKEN: &str = "x-consul-token";
const INDEX: &str = "x-consul-index";
const KNOWN_LEADER: &str = "x-consul-knownleader";

/// Of an answer. A service of ten thousand instances has about 20 MiB.
const MOST_BYTES: usize = 64 << 20;
/// Of what an agent says when it refuses, in characters.
const MOST_SAID: usize = 200;

// === impl Agent ===

impl Agent {
    pub(crate) fn new(settings: model::Consul) -> Self {
        let plain = (!settings.address.is_tls).then(|| Client::plain(Speaks::Http1));
        Self(Arc::new(Shared { settings, plain, access: Mutex::default() }))
    }

    pub(super) fn settings(&self) -> &model::Consul {
        &self.0.settings
    }

    /// Asks, and waits for an answer of whatever status for at most `time`.
    pub(super) async fn ask(&self, question: &Question, time: Duration) -> Result<Said, Failure> {
        let access = self.access()?;
        let mut request = Request::new(question.body.clone());
        *request.method_mut() = question.method.clone();
        *request.uri_mut() = question.path.parse().map_err(|error| {
            Failure::new(FailureKind::Malformed, format!("`{}` cannot be asked: {error}", question.path))
        })?;
        if let Some(token) = &access.token {
            request.headers_mut().insert(TOKEN, token.clone());
        }
        let bounds = Bounds { time, bytes: MOST_BYTES };
        match access.client.send(&self.0.settings.address, request, bounds).await {
            Ok(answer) => {
                let (head, ()) = answer.head.into_parts();
                if matches!(head.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                    self.forget(&access);
                }
                let path = format!("{}{}", self.0.settings.address, question.path);
                Ok(Said { path, status: head.status, headers: head.headers, body: answer.body })
            }
            Err(error) => {
                self.forget(&access);
                let kind = match error {
                    FetchError::TooLong(_) => FailureKind::Malformed,
                    FetchError::Unreachable(_) | FetchError::Late(_) => FailureKind::Unreachable,
                };
                Err(self.failure(kind, &error))
            }
        }
    }

    /// What it takes to ask, as it was, or as files and variables have it now.
    fn access(&self) -> Result<Arc<Access>, Failure> {
        let mut kept = self.0.access.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(access) = &*kept {
            return Ok(access.clone());
        }
        let model::Consul { token, tls, .. } = &self.0.settings;
        let client = match &self.0.plain {
            Some(client) => client.clone(),
            None => Client::new(Speaks::Http1, tls).map_err(|error| self.failure(FailureKind::Unreachable, &error))?,
        };
        let token = token.as_ref().map(|token| {
            let secret = secret::read(token, 1).map_err(|error| self.failure(FailureKind::Denied, &error))?;
            let mut value = HeaderValue::from_str(secret.expose())
                .map_err(|error| self.failure(FailureKind::Denied, &format_args!("{token}: no token: {error}")))?;
            value.set_sensitive(true);
            Ok(value)
        });
        let access = Arc::new(Access { client, token: token.transpose()? });
        *kept = Some(access.clone());
        Ok(access)
    }

    /// Has the next question look at files and variables again, unless another one has had that already.
    fn forget(&self, access: &Arc<Access>) {
        let mut kept = self.0.access.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, access)) {
            *kept = None;
        }
    }

    fn failure(&self, kind: FailureKind, why: &dyn std::fmt::Display) -> Failure {
        Failure::new(kind, format!("consul at {}: {why}", self.0.settings.address))
    }
}

// === impl Question ===

impl Question {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), separator: '?', body: Bytes::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.path.push(self.separator);
        self.path.push_str(key);
        self.path.push('=');
        self.path.push_str(&encoded(value));
        self.separator = '&';
        self
    }

    /// Adds a parameter, if there is a value for it.
    #[must_use]
    pub(super) fn with_any(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    #[must_use]
    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// The same, as a blocking query: to be answered once there is something newer than `index`, or after `wait`.
    pub(super) fn newer_than(&self, index: u64, wait: Duration) -> Self {
        let same = Self {
            method: self.method.clone(),
            path: self.path.clone(),
            separator: self.separator,
            body: self.body.clone(),
        };
        if index == 0 { same } else { same.with("index", &index.to_string()).with("wait", &millis(wait)) }
    }
}

// === impl Said ===

impl Said {
    /// The answer, if it is one.
    ///
    /// # Errors
    /// The status says otherwise.
    pub(super) fn accepted(self) -> Result<Self, Failure> {
        let kind = match self.status.as_u16() {
            200..300 => return Ok(self),
            401 | 403 => FailureKind::Denied,
            429 | 500.. => FailureKind::Refused,
            _ => FailureKind::Malformed,
        };
        Err(self.failure(kind, format_args!("{}{}", self.status, said(&self.body))))
    }

    /// What to ask for something newer by; never 0.
    ///
    /// # Errors
    /// What was said is not to be relied on: there is no leader, or no index.
    pub(super) fn index(&self) -> Result<u64, Failure> {
        let header = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        if header(KNOWN_LEADER) == Some("false") {
            return Err(self.failure(FailureKind::Refused, format_args!("the agent knows no leader")));
        }
        match header(INDEX).map(str::parse) {
            // Asked for what is newer than 0, an agent would answer at once, again and again.
            Some(Ok(index)) => Ok(u64::max(index, 1)),
            _ => {
                Err(self.failure(FailureKind::Malformed, format_args!("the answer has no `{INDEX}`; is this Consul?")))
            }
        }
    }

    pub(super) fn failure(&self, kind: FailureKind, why: std::fmt::Arguments<'_>) -> Failure {
        Failure::new(kind, format!("{}: {why}", self.path))
    }
}

/// As durations are written in Go.
pub(super) fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// The begin of what an agent says, on one line.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MOST_SAID)]);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    format!(": {}", text.chars().take(MOST_SAID).flat_map(char::escape_debug).collect::<String>())
}

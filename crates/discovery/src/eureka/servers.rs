//! Servers that know the same, of which one is asked.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use fetch::{Answer, Bounds, Client, FetchError, Speaks};
use http::{HeaderValue, Method, Request, StatusCode, header};
use model::Eureka;
use upstream::discovery::{Failure, FailureKind};

/// Asks the server that answered last, and the others in turn when it does not.
pub(super) struct Servers {
    settings: Eureka,
    client: Option<Client>,
    /// Which one answered last.
    at: usize,
}

/// What is asked of any of them.
pub(super) struct Question {
    pub(super) method: Method,
    /// Below the path of the server.
    pub(super) target: String,
    pub(super) body: Bytes,
    /// Which answers are some. With any other the next server is asked.
    pub(super) is_answer: fn(StatusCode) -> bool,
}

/// Ten thousand instances have about 20 MB.
const LONGEST: usize = 256 << 20;

// === impl Servers ===

impl Servers {
    pub(super) fn new(settings: Eureka) -> Self {
        Self { settings, client: None, at: 0 }
    }

    pub(super) fn settings(&self) -> &Eureka {
        &self.settings
    }

    /// Which one is asked first, to tell whether another answered.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The answer of the first that has one.
    ///
    /// # Errors
    /// None has. Files of TLS are read anew the next time: they may have been what was wrong.
    pub(super) async fn ask(&mut self, question: &Question) -> Result<Answer, Failure> {
        let asked = self.ask_each(question).await;
        if asked.is_err() {
            self.client = None;
        }
        asked
    }

    async fn ask_each(&mut self, question: &Question) -> Result<Answer, Failure> {
        let request = self.request(question)?;
        let client = self.client()?;
        let shortest = std::time::Duration::from_secs(2);
        let bounds = Bounds { time: self.settings.interval.clamp(shortest, shortest * 5), bytes: LONGEST };
        let mut failure: Option<Failure> = None;
        for step in 0..self.settings.servers.len() {
            let at = (self.at + step) % self.settings.servers.len();
            let server = &self.settings.servers[at];
            let why = match client.send(server, request.clone(), bounds).await {
                Ok(answer) if (question.is_answer)(answer.head.status()) => {
                    self.at = at;
                    return Ok(answer);
                }
                Ok(answer) => no_answer(answer.head.status()),
                Err(error) => broken(&error),
            };
            let detail = format!("{server}{}: {}", question.target, why.detail);
            let before = failure.map(|failure| format!("{}; ", failure.detail)).unwrap_or_default();
            failure = Some(Failure::new(why.kind, before + &detail));
        }
        Err(failure.unwrap_or_else(|| Failure::new(FailureKind::Unreachable, "no server of Eureka is named")))
    }

    fn request(&self, question: &Question) -> Result<Request<Bytes>, Failure> {
        let mut request = Request::new(question.body.clone());
        *request.method_mut() = question.method.clone();
        let unsaid = |error: http::uri::InvalidUri| Failure::new(FailureKind::Malformed, error.to_string());
        *request.uri_mut() = question.target.parse().map_err(unsaid)?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, json.clone());
        if !question.body.is_empty() {
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        if let Some(credentials) = self.credentials()? {
            request.headers_mut().insert(header::AUTHORIZATION, credentials);
        }
        Ok(request)
    }

    /// Read each time: they may change.
    fn credentials(&self) -> Result<Option<HeaderValue>, Failure> {
        let Some((user, password)) = &self.settings.user else { return Ok(None) };
        let denied = |why: String| Failure::new(FailureKind::Denied, format!("the password of Eureka: {why}"));
        let password = fetch::secret::read(password, 1).map_err(|error| denied(error.to_string()))?;
        let text = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose())));
        let mut value = HeaderValue::from_str(&text).map_err(|error| denied(error.to_string()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn client(&mut self) -> Result<Client, Failure> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = Client::new(Speaks::Http1, &self.settings.tls)
            .map_err(|error| Failure::new(FailureKind::Unreachable, error.to_string()))?;
        Ok(self.client.insert(client).clone())
    }
}

fn no_answer(status: StatusCode) -> Failure {
    let (kind, hint) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (FailureKind::Denied, ""),
        StatusCode::NOT_FOUND => (FailureKind::Malformed, "; is the path of the server right, such as `/eureka`?"),
        status if status.is_server_error() => (FailureKind::Refused, ""),
        _ => (FailureKind::Malformed, ""),
    };
    Failure::new(kind, format!("status {}{hint}", status.as_u16()))
}

fn broken(error: &FetchError) -> Failure {
    let kind = match error {
        FetchError::TooLong(_) => FailureKind::Malformed,
        FetchError::Unreachable(_) | FetchError::Late(_) => FailureKind::Unreachable,
    };
    Failure::new(kind, error.to_string())
}

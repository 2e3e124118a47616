//! A failure on the path of a request.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use http::{HeaderValue, StatusCode};

use crate::Cause;

pub type BoxError = Box<dyn StdError + Send + Sync>;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an exchange failed. One pointer wide: the good way pays nothing for it.
#[derive(Debug)]
pub struct Error(Box<Inner>);

/// Whether the same request may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// The endpoint may have acted on it: only what is idempotent (RFC 9110, 9.2.2), and only where the document asks for it.
    #[default]
    IfIdempotent,
    /// Nothing reached the endpoint, or it said that it did nothing.
    Safe,
    Never,
}

#[derive(Debug)]
struct Inner {
    cause: Cause,
    detail: Cow<'static, str>,
    retry: Retry,
    /// `None`: that of the cause.
    status: Option<StatusCode>,
    /// `None`: nobody knows.
    retry_after: Option<Duration>,
    /// `None`: nothing that the client could show would help.
    challenge: Option<HeaderValue>,
    source: Option<BoxError>,
}

// === impl Error ===

impl Error {
    /// `detail` is for people: what was seen, in lower case, without full stop.
    #[cold]
    pub fn new(cause: Cause, detail: impl Into<Cow<'static, str>>) -> Self {
        let (detail, retry) = (detail.into(), Retry::default());
        Self(Box::new(Inner { cause, detail, retry, status: None, retry_after: None, challenge: None, source: None }))
    }

    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Another status than that of the cause.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// When the same request may well be answered.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// What the client could show (`WWW-Authenticate`; RFC 9110, 11.6.1).
    #[must_use]
    pub fn with_challenge(mut self, challenge: HeaderValue) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    /// What the client could show.
    pub fn challenge(&self) -> Option<&HeaderValue> {
        self.0.challenge.as_ref()
    }

    /// When it is worth another try, if that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the client gets.
    pub fn status(&self) -> StatusCode {
        self.0.status.unwrap_or(self.0.cause.status())
    }

    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The chain of sources, for logs; empty if there is none.
    pub fn source_text(&self) -> String {
        let mut text = String::new();
        let mut source = StdError::source(self);
        while let Some(error) = source {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }

    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// What was said of it once more, for whoever keeps records; this one goes on its way.
    #[must_use]
    pub fn retold(&self) -> Self {
        let Inner { cause, ref detail, retry, status, retry_after, .. } = *self.0;
        let source = self.source_text();
        let source = if source.is_empty() { None } else { Some(source.into()) };
        let (detail, challenge) = (detail.clone(), self.0.challenge.clone());
        Self(Box::new(Inner { cause, detail, retry, status, retry_after, challenge, source }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.cause, self.0.detail)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

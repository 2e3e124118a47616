//! Why a call brought no answer.

use std::{fmt, time::Duration};

use http::HeaderMap;
use upstream::discovery::{Failure, FailureKind};

/// What went wrong, and on which side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// There is no connection, or it broke.
    Broken(String),
    Late(Duration),
    /// The member says no.
    Status(Status),
    /// What was said is no answer.
    Malformed(String),
    /// What was asked for is no longer kept.
    Compacted,
}

/// How a call ended (gRPC over HTTP/2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub code: u32,
    pub message: String,
}

/// Codes of gRPC, as etcd gives them.
const OK: u32 = 0;
const INVALID_ARGUMENT: u32 = 3;
const NOT_FOUND: u32 = 5;
const PERMISSION_DENIED: u32 = 7;
const RESOURCE_EXHAUSTED: u32 = 8;
const FAILED_PRECONDITION: u32 = 9;
const OUT_OF_RANGE: u32 = 11;
const UNIMPLEMENTED: u32 = 12;
const UNAVAILABLE: u32 = 14;
const UNAUTHENTICATED: u32 = 16;

// === impl CallError ===

impl CallError {
    /// Whether the token is no longer good, and a new one may be.
    pub(crate) fn is_stale_token(&self) -> bool {
        matches!(self, Self::Status(status) if status.code == UNAUTHENTICATED || status.says("revision of auth store is old"))
    }

    /// Whether the member has no users, so that nobody needs a token.
    pub(crate) fn is_auth_off(&self) -> bool {
        matches!(self, Self::Status(status) if status.code == FAILED_PRECONDITION && status.says("authentication is not enabled"))
    }

    /// A watch was ended by the member, for this reason.
    pub(crate) fn cancelled(reason: &str) -> Self {
        // The reason holds what the status of another call would, in words.
        let is_denied = ["permission denied", "invalid auth token", "revision of auth store is old"];
        let is_denied = is_denied.iter().any(|words| reason.contains(words));
        let code = if is_denied { PERMISSION_DENIED } else { UNAVAILABLE };
        Self::Status(Status { code, message: format!("the watch was cancelled: {reason}") })
    }

    /// Whether what was asked for is no longer kept.
    pub(crate) fn is_compacted(&self) -> bool {
        let says_so = |status: &Status| status.code == OUT_OF_RANGE && status.says("compacted");
        matches!(self, Self::Compacted) || matches!(self, Self::Status(status) if says_so(status))
    }

    /// Whether there is no such lease, or no more.
    pub fn is_no_lease(&self) -> bool {
        matches!(self, Self::Status(status) if status.says("requested lease not found"))
    }

    /// Whether what was asked for was surely not done. Else it may have been, or still be.
    pub fn is_refusal(&self) -> bool {
        let Self::Status(status) = self else { return false };
        matches!(
            status.code,
            INVALID_ARGUMENT
                | NOT_FOUND
                | PERMISSION_DENIED
                | RESOURCE_EXHAUSTED
                | FAILED_PRECONDITION
                | OUT_OF_RANGE
                | UNIMPLEMENTED
                | UNAUTHENTICATED
        )
    }

    /// What it means to who asked `whom`.
    pub fn failure(&self, whom: &dyn fmt::Display) -> Failure {
        let kind = match self {
            Self::Broken(_) | Self::Late(_) => FailureKind::Unreachable,
            Self::Status(status) => status.kind(),
            Self::Malformed(_) => FailureKind::Malformed,
            Self::Compacted => FailureKind::Refused,
        };
        Failure::new(kind, format!("{whom}: {self}"))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) | Self::Malformed(why) => f.write_str(why),
            Self::Late(bound) => write!(f, "no answer within {bound:?}"),
            Self::Status(status) => f.write_str(&status.message),
            Self::Compacted => f.write_str("the revision that was asked for was compacted"),
        }
    }
}

// === impl Status ===

impl Status {
    /// The status in these fields, if it is there: `None` in it if the call went well.
    pub(crate) fn read(fields: &HeaderMap) -> Option<Option<Self>> {
        let code = message::grpc::status(fields)?;
        let message = fields.get("grpc-message").map(|message| decoded(message.as_bytes()));
        let message = message.filter(|message| !message.is_empty()).unwrap_or_else(|| format!("gRPC status {code}"));
        Some((code != OK).then_some(Self { code, message }))
    }

    fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    fn kind(&self) -> FailureKind {
        match self.code {
            UNAUTHENTICATED | PERMISSION_DENIED => FailureKind::Denied,
            // No user where one is needed, or the wrong password: etcd has the code of bad arguments for both.
            INVALID_ARGUMENT if self.says("authentication failed") || self.says("user name is empty") => {
                FailureKind::Denied
            }
            UNIMPLEMENTED => FailureKind::Malformed,
            _ => FailureKind::Refused,
        }
    }
}

/// `grpc-message` without its percent-encoding; what is none stays as it is.
fn decoded(text: &[u8]) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let encoded = tail.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &tail[2..];
            }
            None => {
                octets.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: &str, message: &str) -> Option<Option<Status>> {
        let mut fields = HeaderMap::new();
        fields.insert("grpc-status", code.parse().unwrap());
        fields.insert("grpc-message", message.parse().unwrap());
        Status::read(&fields)
    }

    #[test]
    fn what_members_say_has_a_kind() {
        for (code, message, kind) in [
            ("16", "etcdserver: invalid auth token", FailureKind::Denied),
            ("7", "etcdserver: permission denied", FailureKind::Denied),
            ("3", "etcdserver: authentication failed, invalid user ID or password", FailureKind::Denied),
            ("3", "etcdserver: user name is empty", FailureKind::Denied),
            ("3", "etcdserver: key is not provided", FailureKind::Refused),
            ("14", "etcdserver: no leader", FailureKind::Refused),
            ("12", "unknown service etcdserverpb.KV", FailureKind::Malformed),
        ] {
            let error = CallError::Status(status(code, message).unwrap().unwrap());
            let failure = error.failure(&"http://etcd:2379");
            assert_eq!((failure.kind, failure.detail), (kind, format!("http://etcd:2379: {message}")));
        }
    }

    #[test]
    fn messages_are_decoded() {
        assert_eq!(status("5", "a%20b%zz%e2%82%ac%").unwrap().unwrap().message, "a b%zz€%");
        assert_eq!(status("5", "").unwrap().unwrap().message, "gRPC status 5");
        assert_eq!(status("0", "fine"), Some(None));
        assert_eq!(status("x", ""), None);
    }
}

//! Why a command ends with 1.

use std::fmt;

use control::Refusal;

/// What is printed on standard error before the program ends with 1.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The document, or what it asks of the machine: every problem with its place.
    Refused(Refusal),
    /// Anything else, as one line that says where, what and why.
    Other(String),
}

// === impl Failure ===

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal @ Refusal::Document(_)) => refusal.fmt(f),
            Self::Refused(Refusal::Io(error)) => write!(f, "error: {error}"),
            Self::Other(message) => write!(f, "error: {message}"),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

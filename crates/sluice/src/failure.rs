//! Why a command fails.

use std::{fmt, process::ExitCode};

use control::Refusal;

use crate::client::Answered;

/// What is printed on standard error before the program ends.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The document, or what it asks of the machine: every problem with its place.
    Refused(Refusal),
    /// A gateway was asked, and said no.
    Answered(Box<Answered>),
    /// The command line makes no sense, in a way that only shows when it is looked at as a whole.
    Usage(String),
    /// Anything else, as one line that says where, what and why.
    Other(String),
}

/// The command line is wrong. The parser of the command line ends with the same.
const USAGE: u8 = 2;

// === impl Failure ===

impl Failure {
    /// What the program ends with.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(USAGE),
            Self::Refused(_) | Self::Answered(_) | Self::Other(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal @ Refusal::Document(_)) => refusal.fmt(f),
            Self::Refused(Refusal::Io(error)) => write!(f, "error: {error}"),
            Self::Answered(answered) => write!(f, "error: {answered}"),
            Self::Usage(message) | Self::Other(message) => write!(f, "error: {message}"),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Answered> for Failure {
    fn from(answered: Answered) -> Self {
        Self::Answered(Box::new(answered))
    }
}

use std::{error::Error, fmt, time::Duration};

/// Why there is no answer.
#[derive(Debug)]
pub enum FetchError {
    /// Nobody is there, or nobody that can be understood: no connection, no handshake, or it broke.
    Unreachable(String),
    /// It took longer than the bound.
    Late(Duration),
    /// The body is longer than the bound, in bytes.
    TooLong(usize),
}

// === impl FetchError ===

impl FetchError {
    pub(crate) fn unreachable(error: &(dyn Error + 'static)) -> Self {
        // An error of hyper says what, its source why.
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        Self::Unreachable(text)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => f.write_str(why),
            Self::Late(bound) => write!(f, "no answer within {bound:?}"),
            Self::TooLong(bound) => write!(f, "the answer is longer than {bound} bytes"),
        }
    }
}

impl Error for FetchError {}

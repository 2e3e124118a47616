//! Why the other side did not say what the test waits for.

use std::{error, fmt, io, time::Duration};

/// A reading or sending that failed, with everything that had arrived on the connection until then.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    pub why: Why,
    /// From the first octet of the connection, cut after some KiB.
    pub received: Vec<u8>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The peer closed in order, too early.
    Closed,
    /// The connection broke: a reset, or a broken pipe when sending.
    Broken(io::ErrorKind),
    /// Nothing more came for so long.
    Late(Duration),
    /// Something came that is not what it should be.
    NotHttp(String),
}

// === impl Failure ===

impl Failure {
    /// The peer is gone, in order or by reset.
    pub fn is_closed(&self) -> bool {
        matches!(self.why, Why::Closed | Why::Broken(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Closed => formatter.write_str("the peer closed too early")?,
            Why::Broken(kind) => write!(formatter, "the connection broke: {kind}")?,
            Why::Late(patience) => write!(formatter, "nothing more came within {patience:?}")?,
            Why::NotHttp(what) => write!(formatter, "{what}")?,
        }
        write!(formatter, "; received so far: \"{}\"", self.received.escape_ascii())
    }
}

/// As [`fmt::Display`], so that an `unwrap` in a test tells everything.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl error::Error for Failure {}

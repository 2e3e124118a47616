//! Standard output that may be cut short.

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes all of `text`. A reader that has seen enough, as in `sluice schema | head`, is no failure.
pub(crate) fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

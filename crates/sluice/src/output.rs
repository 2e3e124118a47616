//! Standard output that may be cut short.

use std::{
    fmt::Display,
    io::{self, Write},
};

use serde::Serialize;

use crate::failure::Failure;

/// Writes what a command has to tell, for people or as one JSON object.
pub(crate) fn tell(told: &(impl Serialize + Display), as_json: bool) -> Result<(), Failure> {
    let text = if as_json {
        let json = serde_json::to_string_pretty(told);
        json.map_err(|error| Failure::Other(format!("this cannot be told as JSON: {error}")))? + "\n"
    } else {
        told.to_string()
    };
    print(text.as_bytes())
}

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

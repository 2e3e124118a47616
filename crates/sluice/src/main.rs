//! The program as it comes: every built-in, and nothing else.

use std::process::ExitCode;

use sluice::Kinds;

fn main() -> ExitCode {
    sluice::run(Kinds::default())
}

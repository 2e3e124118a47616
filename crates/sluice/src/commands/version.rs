//! `sluice version`

use std::process::ExitCode;

use clap::Args;

use crate::{failure::Failure, output};

/// Of the package.
pub(super) const NUMBER: &str = env!("CARGO_PKG_VERSION");
/// Of the source, if whoever built the program set it.
const COMMIT: Option<&str> = option_env!("SLUICE_COMMIT");

/// Prints the version of the program
///
/// The commit follows in parentheses if the environment variable SLUICE_COMMIT held it when the program was built.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice version")]
pub(crate) struct Version {}

/// As `sluice version` and `sluice --version` print it, without the name.
pub(super) fn line() -> String {
    match COMMIT {
        Some(commit) => format!("{NUMBER} ({commit})"),
        None => NUMBER.to_owned(),
    }
}

// === impl Version ===

impl Version {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        output::print(format!("sluice {}\n", line()).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

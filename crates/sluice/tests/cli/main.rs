//! The commands, as a person at a terminal meets them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod client;
mod config;
mod demo;
mod diff;
mod examples;
mod explain;
mod operator;
mod print;
mod run;

use std::path::{Path, PathBuf};

use testkit::client::tool::{self, Run};

/// The program under test.
const SLUICE: &str = env!("CARGO_BIN_EXE_sluice");

/// Runs a command of the program to its end.
async fn sluice(arguments: &[&str]) -> Run {
    tool::run(SLUICE, arguments).await
}

/// The examples that come with the project.
fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

//! What the project does to itself: test, tidy, docs, dist, bench.
//!
//! - [`test`]: everything that must be green, with the programs that the tests talk to.
//! - [`tidy`]: the rules of ARCHITECTURE.md that no compiler checks.
//! - [`docs`]: the pages that are made of the program.
//! - [`dist`]: the program as it is distributed.
//! - [`bench`]: the gateway beside its peers.

mod bench;
mod dist;
mod docs;
mod test;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const HELP: &str = "\
What the project does to itself.

usage: cargo xtask <command>

  test [ARGS]    installs what the tests need, then runs all of them; ARGS go to `cargo test`
  tidy           checks the rules of the tree: directions, reasons, names, links
  docs           writes the references under docs/ and the schema of the examples
  dist           builds target/dist/sluice, the program as it is distributed, by a profile of it under load
  bench [FLAGS]  builds for distribution and measures beside nginx, HAProxy and Envoy;
                 `cargo xtask bench --help` lists the flags
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        "test" => test::run(&rest),
        "tidy" => tidy::run(),
        "docs" => docs::run(),
        "dist" => dist::run(),
        "bench" => bench::run(&rest),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => Err(format!("unknown command `{unknown}`\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder that holds the workspace's Cargo.toml.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The cargo that runs this program, in the workspace's root.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs to the end with the terminal's own input and output; a bad end is an error that names the command.
fn finish(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

/// What `cargo metadata --no-deps` says: the workspace's own crates, nothing fetched.
fn metadata() -> Result<serde_json::Value, String> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata speaks no JSON: {error}"))
}

//! `cargo xtask docs`: writes what is made of the program: the references under `docs/`, and the schema of the examples.

use std::fs;

use crate::{cargo, finish, root};

/// Writes them all; what is up to date stays as it is.
pub(crate) fn run() -> Result<(), String> {
    finish(
        cargo().args(["test", "--quiet", "--package", "sluice", "--test", "reference"]).env("SLUICE_DOCS", "write"),
    )?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "sluice", "--", "schema"]);
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let path = root().join("examples/schema.json");
    fs::write(&path, output.stdout).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

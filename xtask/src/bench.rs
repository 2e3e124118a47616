//! `cargo xtask bench`: builds as for distribution, then lets the harness in `bench/` measure.

use std::path::Path;

use crate::{cargo, finish, metadata};

/// Builds both binaries and runs the harness; `flags` are passed on as they are.
pub(crate) fn run(flags: &[String]) -> Result<(), String> {
    if flags.iter().any(|flag| flag == "--help" || flag == "-h") {
        // Whoever asks for the flags does not wait for a build as for distribution.
        return finish(cargo().args(["run", "--quiet", "--package", "bench", "--", "run", "--help"]));
    }
    let metadata = metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    let dist = Path::new(target).join("dist");
    // One by one: built together they would share features, and the gateway that is measured is the one that ships.
    for package in ["sluice", "bench"] {
        finish(cargo().args(["build", "--profile", "dist", "--package", package, "--bin", package]))?;
    }
    let mut harness = std::process::Command::new(dist.join("bench"));
    harness.arg("run");
    if !flags.iter().any(|flag| flag == "--sluice" || flag.starts_with("--sluice=")) {
        harness.arg("--sluice").arg(dist.join("sluice"));
    }
    finish(harness.args(flags))
}

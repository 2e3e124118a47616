//! `cargo xtask bench`: builds as for distribution, then lets the harness in `bench/` measure.

use std::process::Command;

use crate::{cargo, dist::Dist, finish};

/// Builds both binaries and runs the harness; `flags` are passed on as they are. A gateway that they name is not built.
pub(crate) fn run(flags: &[String]) -> Result<(), String> {
    if flags.iter().any(|flag| flag == "--help" || flag == "-h") {
        // Whoever asks for the flags does not wait for a build as for distribution.
        return finish(cargo().args(["run", "--quiet", "--package", "bench", "--", "run", "--help"]));
    }
    let dist = Dist::find()?;
    let mut harness = Command::new(dist.bench()?);
    harness.arg("run");
    if !flags.iter().any(|flag| flag == "--sluice" || flag.starts_with("--sluice=")) {
        harness.arg("--sluice").arg(dist.sluice()?);
    }
    finish(harness.args(flags))
}

//! Where the program under test is.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The `sluice` program: what `SLUICE_BIN` names, or a fresh build in the profile of the test that asks.
///
/// It is built even where a program lies already, because cargo does not build the programs of other packages for a
/// test, and a test of yesterday's program proves nothing. When it is fresh, that costs a moment, once per test binary.
///
/// # Panics
/// When it cannot be built, or what is named is not there.
pub fn path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match env::var_os("SLUICE_BIN") {
        Some(path) => std::fs::canonicalize(&path).expect("SLUICE_BIN names a program"),
        None => build(),
    })
    .clone()
}

fn build() -> PathBuf {
    let test = env::current_exe().expect("a running test has a path");
    let directory = profile_directory(&test);
    let name = directory.file_name().expect("a profile has a name").to_string_lossy();
    let profile = if name == "debug" { "dev" } else { &name };
    let target = directory.parent().expect("a profile is in the target directory");

    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(["build", "--quiet", "-p", "sluice", "--bin", "sluice", "--profile", profile, "--target-dir"])
        .arg(target)
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "sluice cannot be built:\n{}", String::from_utf8_lossy(&output.stderr));
    directory.join("sluice")
}

/// The directory of the profile, given a test at `<target>/<profile>/deps/<test>`.
fn profile_directory(test: &Path) -> &Path {
    let directory = test.parent().expect("a program is in a directory");
    match directory.file_name() {
        Some(name) if name == "deps" || name == "examples" => directory.parent().expect("a profile holds them"),
        _ => directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_where_the_test_is() {
        assert_eq!(profile_directory(Path::new("/t/ci/deps/wire-0123")), Path::new("/t/ci"));
        assert_eq!(profile_directory(Path::new("/t/debug/bench")), Path::new("/t/debug"));
    }
}

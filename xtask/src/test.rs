//! `cargo xtask test`: everything that must be green.

use std::{
    env,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{cargo, finish, metadata};

/// What the tests start beside the gateway: the program looked for, the Debian package that brings it, what for.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("curl", "curl", "a client that everybody has: HTTP/1.1, HTTP/2, TLS, unix sockets"),
    ("nghttp", "nghttp2-client", "an HTTP/2 client that is not ours"),
    ("openssl", "openssl", "a TLS client that is not rustls"),
    ("prometheus", "prometheus", "scrapes the gateway; with promtool, which reads metrics, rules and their tests"),
    ("etcd", "etcd-server", "a registry"),
    ("etcdctl", "etcd-client", "the client of that registry that is not ours"),
];

/// Clients of registries that are not ours, and a program that asks an API for whatever its description allows and forbids; from
/// PyPI.
const PYTHON_PACKAGES: &[&str] = &["py-eureka-client==0.13.3", "py-consul==1.8.0", "schemathesis==4.32.5"];

/// Makes sure that the programs are there, then runs every test of the workspace; `arguments` go to `cargo test`.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    provide(PROGRAMS)?;
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--profile", "ci"]).args(arguments);
    if env::var_os("SLUICE_BIN").is_none() {
        tests.env("SLUICE_BIN", build_gateway()?);
    }
    if env::var_os("SLUICE_PYTHON").is_none() {
        match python() {
            Ok(python) => _ = tests.env("SLUICE_PYTHON", python),
            Err(why) => println!(
                "SKIPPED: tests with clients of registries in Python, and those of the admin API by schemathesis: {why}"
            ),
        }
    }
    finish(&mut tests)
}

/// The program that the tests start. Built here, where it can be seen, and not inside the first test that asks for it.
fn build_gateway() -> Result<PathBuf, String> {
    finish(cargo().args(["build", "--package", "sluice", "--bin", "sluice", "--profile", "ci"]))?;
    Ok(target()?.join("ci").join("sluice"))
}

/// Where everything is built.
fn target() -> Result<PathBuf, String> {
    let metadata = metadata()?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or("cargo metadata names no target directory".to_owned())
}

/// A Python with what the tests need, in an environment of its own beside what is built. Made once.
fn python() -> Result<PathBuf, String> {
    let folder = target()?.join("python");
    let (python, made) = (folder.join("bin").join("python"), folder.join("packages"));
    let wanted = PYTHON_PACKAGES.join("\n");
    if fs::read_to_string(&made).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    if !is_installed("python3") {
        return Err("there is no python3".to_owned());
    }
    println!("installing for the tests, into {}: {}", folder.display(), PYTHON_PACKAGES.join(" "));
    finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    finish(Command::new(&python).args(install).args(PYTHON_PACKAGES))?;
    fs::write(&made, wanted).map_err(|error| format!("cannot write {}: {error}", made.display()))?;
    Ok(python)
}

/// Installs what is missing where that is allowed; otherwise says the one line to run.
fn provide(programs: &[(&str, &str, &str)]) -> Result<(), String> {
    let missing: Vec<_> = programs.iter().filter(|(program, ..)| !is_installed(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package, _)| *package).collect();
    let Some(apt) = apt() else {
        let reasons: Vec<String> =
            missing.iter().map(|(program, _, reason)| format!("  {program:10} {reason}")).collect();
        return Err(format!(
            "the tests need programs that are not installed, and this user may not install them:\n{}\n\nrun this once, then try again:\n  sudo apt-get update && sudo apt-get install -y {}",
            reasons.join("\n"),
            packages.join(" ")
        ));
    };
    println!("installing what the tests need: {}", packages.join(" "));
    // Stale lists may still hold the package; only the installation itself must succeed.
    if let Err(message) = finish(apt.command().args(["update", "-qq"])) {
        println!("going on with the package lists that are there: {message}");
    }
    finish(apt.command().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&packages))
}

/// Looked for in `PATH`, as a shell would.
fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// How this user may call apt-get.
enum Apt {
    AsRoot,
    /// `sudo` asked for no password.
    ThroughSudo,
}

/// `None` where there is no apt, or where it would not let us.
fn apt() -> Option<Apt> {
    if !is_installed("apt-get") {
        return None;
    }
    // Opened for writing, nothing written: only root may do that.
    if OpenOptions::new().append(true).open(Path::new("/var/lib/dpkg/status")).is_ok() {
        return Some(Apt::AsRoot);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sudo.status().is_ok_and(|status| status.success()).then_some(Apt::ThroughSudo)
}

// === impl Apt ===

impl Apt {
    fn command(&self) -> Command {
        let mut command = match self {
            Self::AsRoot => Command::new("apt-get"),
            Self::ThroughSudo => {
                let mut sudo = Command::new("sudo");
                sudo.args(["-n", "--preserve-env=DEBIAN_FRONTEND,RUNLEVEL", "apt-get"]);
                sudo
            }
        };
        // What is installed for tests is started by tests: no service on its usual port.
        command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdin(Stdio::null());
        command
    }
}

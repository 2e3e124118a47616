//! `cargo xtask dist`: the program as it is distributed, laid out by what it does under load.
//!
//! ```text
//! instrumented ─▶ under load, by the harness in `bench/` ─▶ profile ─▶ target/dist/sluice
//! ```
//! Profile-guided optimization puts what requests run through side by side and the rest out of the way (decision 0030). All of it
//! is kept below `target/pgo`: what did not change is neither built nor trained again.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use crate::{cargo, finish, metadata};

/// What the program is trained by, as flags of the harness: every protocol, bodies, logs and changes at run time; then, for a
/// shorter time, the recorder and traces. What is counted is counted in requests, so nothing may outweigh the rest.
const TRAINING: [&str; 2] = [
    "--seconds 2 --warmup 0.2 --rounds 1 --peer sluice --case small --case access-log --case tls --case h2 --case grpc \
     --case body-64k --case pushes",
    "--seconds 0.1 --warmup 0.1 --rounds 1 --case costs",
];

/// What the training has not met is out of the way, but as fast as without a profile: it is not compiled to be small.
const NOT_SMALL: &str = "-Cllvm-args=-pgso=false";

/// Where things are built.
pub(crate) struct Dist {
    target: PathBuf,
}

/// `llvm-profdata` of the toolchain, and the platform that it makes programs for.
struct Toolchain {
    profdata: PathBuf,
    host: String,
}

/// Builds it, and says where it is.
pub(crate) fn run() -> Result<(), String> {
    let program = Dist::find()?.sluice()?;
    println!("{}", program.display());
    Ok(())
}

// === impl Dist ===

impl Dist {
    pub(crate) fn find() -> Result<Self, String> {
        let metadata = metadata()?;
        let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
        Ok(Self { target: target.into() })
    }

    /// The harness that measures, without a profile of its own.
    pub(crate) fn bench(&self) -> Result<PathBuf, String> {
        self.plain("bench")
    }

    /// The program with a profile; without one where the tool for it cannot be had, which is said.
    pub(crate) fn sluice(&self) -> Result<PathBuf, String> {
        let Some(toolchain) = Toolchain::find()? else {
            eprintln!("dist: there is no `llvm-profdata` (`rustup component add llvm-tools`): built without a profile");
            return self.plain("sluice");
        };
        let profile = self.profile(&toolchain)?;
        let flag = format!("-Cprofile-use={}", profile.display());
        let built = self.with_flags(&toolchain.host, &[&flag, NOT_SMALL], "optimized")?;
        let program = self.program("sluice");
        let failed = |error| format!("{} cannot be put at {}: {error}", built.display(), program.display());
        fs::create_dir_all(self.target.join("dist")).map_err(failed)?;
        // Not over what is there: somebody may be running it.
        _ = fs::remove_file(&program);
        fs::copy(&built, &program).map_err(failed)?;
        Ok(program)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.target.join("dist").join(name)
    }

    /// Packages are built one by one: together they would share features, and the gateway that is measured is the one that ships.
    fn plain(&self, package: &str) -> Result<PathBuf, String> {
        finish(cargo().args(["build", "--profile", "dist", "--package", package, "--bin", package]))?;
        Ok(self.program(package))
    }

    /// The gateway, compiled with further flags, in a folder of its own.
    fn with_flags(&self, host: &str, flags: &[&str], folder: &str) -> Result<PathBuf, String> {
        let folder = self.target.join("pgo").join(folder);
        let flags = format!("target.{host}.rustflags={flags:?}");
        let mut build = cargo();
        // These would be taken instead of ours.
        build.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        build.args(["--config", &flags, "build", "--profile", "dist", "--package", "sluice", "--bin", "sluice"]);
        // With a target that is named, what runs while compiling goes without them.
        finish(build.args(["--target", host, "--target-dir"]).arg(&folder))?;
        Ok(folder.join(host).join("dist").join("sluice"))
    }

    /// The profile of the program as it is now. Its name is another one for each: cargo looks at flags, not at what they name.
    fn profile(&self, toolchain: &Toolchain) -> Result<PathBuf, String> {
        let folder = self.target.join("pgo").join("profile");
        let raw = folder.join("raw");
        let flag = format!("-Cprofile-generate={}", raw.display());
        let program = self.with_flags(&toolchain.host, &[&flag], "instrumented")?;
        let profile = folder.join(format!("{}.profdata", version_of(&program)?));
        if profile.exists() {
            return Ok(profile);
        }
        _ = fs::remove_dir_all(&folder);
        self.train(&program)?;
        let unfinished = folder.join("unfinished");
        finish(Command::new(&toolchain.profdata).arg("merge").arg("-o").arg(&unfinished).arg(&raw))?;
        fs::rename(&unfinished, &profile).map_err(|error| format!("{}: {error}", profile.display()))?;
        Ok(profile)
    }

    /// The program writes down what it did when it ends. One that fails under load is not distributed.
    fn train(&self, program: &Path) -> Result<(), String> {
        let harness = self.bench()?;
        for flags in TRAINING {
            let mut load = Command::new(&harness);
            load.args(["run", "--sluice"]).arg(program).args(flags.split_whitespace());
            // Its tables are about a program that counts.
            finish(load.stdout(Stdio::null()))?;
        }
        Ok(())
    }
}

/// Another one for each program, and for each training.
fn version_of(program: &Path) -> Result<String, String> {
    let changed = fs::metadata(program).and_then(|metadata| metadata.modified());
    let changed = changed.map_err(|error| format!("{}: {error}", program.display()))?;
    let changed = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut hasher = DefaultHasher::new();
    TRAINING.hash(&mut hasher);
    Ok(format!("{changed}-{:016x}", hasher.finish()))
}

// === impl Toolchain ===

impl Toolchain {
    /// `None`: it has no such tool, and none can be fetched.
    fn find() -> Result<Option<Self>, String> {
        let says = |arguments: &[&str]| {
            let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let output = Command::new(rustc).args(arguments).output();
            let output = output.map_err(|error| format!("cannot start rustc: {error}"))?;
            String::from_utf8(output.stdout).map_err(|error| format!("rustc speaks no UTF-8: {error}"))
        };
        let version = says(&["-vV"])?;
        let host =
            version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?.to_owned();
        let sysroot = says(&["--print", "sysroot"])?;
        let profdata = Path::new(sysroot.trim()).join("lib/rustlib").join(&host).join("bin/llvm-profdata");
        if !profdata.exists() {
            // Where rustup is not what installs, or cannot fetch it, it says so itself.
            _ = Command::new("rustup").args(["component", "add", "llvm-tools"]).status();
        }
        Ok(profdata.exists().then_some(Self { profdata, host }))
    }
}

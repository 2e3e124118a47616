//! Who is measured, and how each is told to do the same thing.
//!
//! The same for all: one worker; connections to clients and to the origin kept as long as anybody wants; `Via`,
//! `X-Forwarded-For`, `-Proto` and `-Host` set on the way up; no access log unless the case asks for one; one
//! certificate. Each module below is one peer's way to say that.

mod bare;
mod envoy;
mod haproxy;
mod nginx;
mod sluice;

use std::{
    env,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Args, case::Case};
use crate::Failure;

/// A gateway that may be on this machine.
pub(crate) struct Peer {
    pub name: &'static str,
    pub program: PathBuf,
    /// Its admin address tells when it serves.
    pub has_readyz: bool,
    /// Arguments that make it say its version.
    version: &'static [&'static str],
    can: fn(&Case) -> bool,
    /// Writes its configuration and returns the arguments that make it serve.
    prepare: fn(&Ground) -> Result<Vec<OsString>, Failure>,
}

/// What a peer's configuration is made of.
pub(crate) struct Ground<'g> {
    pub case: &'g Case,
    /// For its files alone.
    pub folder: &'g Path,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    pub origin: SocketAddr,
    pub certificate: &'g Certificate,
    /// That clients will open at once.
    pub connections: usize,
}

/// Every peer, whether it is installed or not. Ours first, the floor last.
pub(crate) fn all(args: &Args) -> Result<Vec<Peer>, Failure> {
    let always: fn(&Case) -> bool = |_| true;
    let peer = |name, program: &Path, version, prepare| Peer {
        name,
        program: program.to_path_buf(),
        has_readyz: false,
        version,
        can: always,
        prepare,
    };
    Ok(vec![
        Peer { has_readyz: true, ..peer("sluice", &args.sluice, &["version"], sluice::prepare) },
        peer("nginx", &args.nginx, &["-v"], nginx::prepare),
        peer("haproxy", &args.haproxy, &["-v"], haproxy::prepare),
        peer("envoy", &args.envoy, &["--version"], envoy::prepare),
        Peer { can: bare::can, ..peer("bare", &env::current_exe()?, &["--version"], bare::prepare) },
    ])
}

/// Where a program is: as given when that is a path, otherwise where a shell or a service manager would look.
pub(crate) fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return fs::canonicalize(program).ok();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/local/sbin".into(), "/usr/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

// === impl Peer ===

impl Peer {
    pub(crate) fn can(&self, case: &Case) -> bool {
        (self.can)(case)
    }

    /// The command that serves on `ground`; its configuration is written.
    pub(crate) fn command(&self, ground: &Ground) -> Result<Vec<OsString>, Failure> {
        let mut command = vec![self.program.clone().into_os_string()];
        command.extend((self.prepare)(ground)?);
        Ok(command)
    }

    /// The first line that it says about itself.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.program).args(self.version).stdin(Stdio::null()).output();
        let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        said.lines().find(|line| !line.trim().is_empty()).unwrap_or("unknown").trim().to_owned()
    }
}

// === impl Ground ===

impl Ground<'_> {
    /// Writes a file of the peer's configuration.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let file = self.folder.join(name);
        fs::write(&file, text)?;
        Ok(file)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// One for all peers: P-256, trusted by the load alone.
pub(crate) struct Certificate {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Both in one file, as HAProxy wants them.
    pub both: PathBuf,
}

// === impl Certificate ===

impl Certificate {
    pub(crate) fn generate(folder: &Path) -> Result<Self, Failure> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let write = |name: &str, text: &str| -> Result<PathBuf, Failure> {
            let file = folder.join(name);
            fs::write(&file, text)?;
            Ok(file)
        };
        Ok(Self {
            cert: write("cert.pem", &cert)?,
            key: write("key.pem", &key)?,
            both: write("both.pem", &format!("{cert}{key}"))?,
        })
    }
}

//! A real etcd, alone or as a cluster: the program of the distribution, on ports and in a directory of its own.

mod api;
mod cluster;

pub use api::{Api, Stored};
pub use cluster::Cluster;

use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use http::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{
    certs::Authority,
    client::{
        self, Client, request,
        tool::{self, Run},
    },
    eventually,
};

/// One member. It is killed with its handle, and then a test that has failed shows the end of what it said.
#[derive(Debug)]
pub struct Member {
    name: String,
    /// Where clients ask it.
    pub address: SocketAddr,
    peer: SocketAddr,
    /// Tells its health without TLS and users.
    health: SocketAddr,
    tls: Option<Tls>,
    arguments: Vec<String>,
    directory: TempDir,
    child: Option<Child>,
    is_frozen: bool,
}

/// How to start a [`Member`].
#[derive(Debug, Default)]
pub struct Settings {
    tls: Option<Tls>,
    arguments: Vec<String>,
}

/// PEM files.
#[derive(Debug, Clone)]
struct Tls {
    ca: PathBuf,
    server: (PathBuf, PathBuf),
    client: (PathBuf, PathBuf),
}

/// How many octets of its log a test that has failed shows.
const SHOWN: usize = 8 << 10;

// === impl Settings ===

impl Settings {
    /// Speaks TLS, and wants a certificate of `authority` of its clients.
    #[must_use]
    pub fn tls(mut self, authority: &Authority) -> Self {
        let server = authority.server("etcd", &["127.0.0.1", "localhost"]);
        let client = authority.client("etcdctl");
        self.tls =
            Some(Tls { ca: authority.ca(), server: (server.cert, server.key), client: (client.cert, client.key) });
        self
    }

    /// Passes one more argument to `etcd`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts it and waits until it takes writes.
    ///
    /// # Panics
    /// When it is not installed, or does not in time.
    pub async fn start(self) -> Member {
        let mut member = self.member("alone");
        let itself = member.as_initial();
        member.arguments.push(format!("--initial-cluster={itself}"));
        member.start_again().await;
        member
    }

    /// One that is not started.
    fn member(self, name: &str) -> Member {
        let [address, peer, health] = free_addresses();
        let Self { tls, arguments } = self;
        Member {
            name: name.to_owned(),
            address,
            peer,
            health,
            tls,
            arguments,
            directory: directory(),
            child: None,
            is_frozen: false,
        }
    }
}

// === impl Member ===

impl Member {
    /// Starts one alone, without users and TLS.
    ///
    /// # Panics
    /// As [`Settings::start`].
    pub async fn start() -> Self {
        Settings::default().start().await
    }

    /// Where clients ask it, as documents have it.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.address)
    }

    /// Kills it as a failure of its machine would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It fails only when the process has ended, and either way its end is waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.is_frozen = false;
    }

    /// Starts it with what it stored before, on the ports that it had, and waits until it takes writes.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn start_again(&mut self) {
        self.launch();
        self.is_ready().await;
    }

    /// Kills it, and forgets what it stored.
    ///
    /// # Panics
    /// When that cannot be removed.
    pub fn wipe(&mut self) {
        self.kill();
        fs::remove_dir_all(self.directory.path().join("data")).expect("a directory of ours");
    }

    /// Stops it in the middle of whatever it does: connections stay, and nobody answers.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
        self.is_frozen = true;
    }

    /// Lets a frozen one go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
        self.is_frozen = false;
    }

    /// Asks it, without TLS and users.
    ///
    /// # Panics
    /// When nobody accepts.
    pub async fn api(&self) -> Api {
        Api::connect(self.address).await
    }

    /// Runs `etcdctl` against it.
    ///
    /// # Panics
    /// When it fails, with everything that it said.
    pub async fn ctl(&self, arguments: &[&str]) -> Run {
        let url = self.url();
        let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let mut all = vec!["--endpoints".to_owned(), url];
        if let Some(Tls { ca, client: (cert, key), .. }) = &self.tls {
            all.extend([
                "--cacert".to_owned(),
                path(ca),
                "--cert".to_owned(),
                path(cert),
                "--key".to_owned(),
                path(key),
            ]);
        }
        all.extend(arguments.iter().map(ToString::to_string));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let run = tool::run("etcdctl", &all).await;
        run.success();
        run
    }

    /// Adds the users `root` and `user`, both with this password, and lets nobody else in. `user` may read and write what is
    /// below `prefix`.
    ///
    /// # Panics
    /// As [`Member::ctl`].
    pub async fn enable_auth(&self, user: &str, password: &str, prefix: &str) {
        let root = format!("root:{password}");
        let named = format!("{user}:{password}");
        for arguments in [
            &["user", "add", &root][..],
            &["user", "grant-role", "root", "root"],
            &["user", "add", &named],
            &["role", "add", user],
            &["role", "grant-permission", user, "--prefix=true", "readwrite", prefix],
            &["user", "grant-role", user, user],
            &["auth", "enable"],
        ] {
            self.ctl(arguments).await;
        }
    }

    /// Whether it leads its cluster, as far as it knows.
    pub(crate) async fn is_leader(&self) -> bool {
        (self.child.is_some() && !self.is_frozen)
            && client::get(self.health, "/metrics").await.text().lines().any(|line| line == "etcd_server_is_leader 1")
    }

    fn as_initial(&self) -> String {
        format!("{}=http://{}", self.name, self.peer)
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).expect("a file of ours");
        let url = self.url();
        let peer = format!("http://{}", self.peer);
        let mut command = Command::new("etcd");
        command
            .arg(format!("--name={}", self.name))
            .arg(format!("--data-dir={}", self.directory.path().join("data").display()))
            .arg(format!("--listen-client-urls={url}"))
            .arg(format!("--advertise-client-urls={url}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--listen-metrics-urls=http://{}", self.health))
            .args(["--logger=zap", "--log-outputs=stderr", "--bcrypt-cost=4"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(Tls { ca, server: (cert, key), .. }) = &self.tls {
            command.arg("--client-cert-auth");
            for (flag, path) in [("trusted-ca-file", ca), ("cert-file", cert), ("key-file", key)] {
                command.arg(format!("--{flag}={}", path.display()));
            }
        }
        self.child = Some(match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => panic!("{}", tool::missing("etcd")),
            Err(error) => panic!("etcd cannot be started: {error}"),
        });
    }

    async fn is_ready(&self) {
        eventually("etcd takes writes", async || {
            let stream = TcpStream::connect(self.health).await.ok()?;
            let mut client = Client::over(stream, "http", "etcd", false).await;
            let answer = client.try_fetch(request(Method::GET, "/health")).await.ok()?;
            (answer.status == StatusCode::OK && answer.text().contains("true")).then_some(())
        })
        .await;
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("the member was started");
        kill_process(Pid::from_child(child), signal).expect("the process is running");
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = fs::read(self.log()).unwrap_or_default();
            let end = &log[log.len().saturating_sub(SHOWN)..];
            eprintln!("--- etcd {} said\n{}", self.name, String::from_utf8_lossy(end));
        }
    }
}

/// Addresses that nobody listens at. Somebody may before they are used; etcd does not take any port, because it tells others
/// where it is.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port of the loopback interface");
    // All at the same time, so that they differ.
    let listeners: [_; N] = std::array::from_fn(|_| bind());
    listeners.map(|listener| listener.local_addr().expect("a bound socket has an address"))
}

/// In memory where that is possible: etcd waits for its disk with every write, and the disk is not what is tested.
fn directory() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let made = if in_memory.is_dir() { tempfile::tempdir_in(in_memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
}

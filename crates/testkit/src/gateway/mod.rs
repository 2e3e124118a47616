//! A gateway on port 0: the real program, with a document of the test's own.

mod binary;
mod capture;
mod metrics;

pub use binary::path as binary;
pub use metrics::Metrics;
pub use rustix::process::Signal;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use capture::Captured;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    certs::replace,
    client::{
        self,
        tool::{self, Run},
    },
    eventually,
};

/// The file names in the directory that the program runs in.
const DOCUMENT: &str = "sluice.yaml";
const READY: &str = "ready.json";

/// Its state directory, by default.
const STATE: &str = ".sluice";

/// The metric that counts published documents.
const GENERATION: &str = "sluice_config_generation";

/// A `sluice run` of this test alone; it is killed when the handle is dropped, and then a test that has failed shows
/// everything that it said.
#[derive(Debug)]
pub struct Process {
    directory: TempDir,
    child: Child,
    output: Captured,
    errors: Captured,
}

/// How to start a [`Process`].
#[derive(Debug)]
pub struct Settings {
    /// `None`: there is no file, and all that is served is what the API keeps.
    document: Option<String>,
    program: Option<PathBuf>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

/// What the program says when it is ready.
struct Ready {
    admin: String,
    registry: String,
    listeners: BTreeMap<String, String>,
}

/// Runs another command of the program to its end, such as `check -c FILE`.
///
/// # Panics
/// As [`tool::run`].
pub async fn command(arguments: &[&str]) -> Run {
    tool::run(binary().to_str().expect("a path in UTF-8"), arguments).await
}

/// What every document needs and no test wants to repeat: the version, and an admin address of its own.
fn completed(document: &str) -> String {
    let mut whole = String::new();
    let has = |key: &str| document.lines().any(|line| line.starts_with(key));
    if !has("version:") {
        whole.push_str("version: 1\n");
    }
    if !has("gateway:") {
        whole.push_str("gateway: { workers: 2, admin: { address: \"127.0.0.1:0\" } }\n");
    }
    whole + document
}

// === impl Settings ===

impl Settings {
    /// Runs another program than [`binary`], one that takes the same arguments.
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Passes one more argument to `sluice run`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it ends instead, or is not ready in time, with everything that it said.
    pub async fn start(self) -> Process {
        let started = self.try_start().await;
        started.unwrap_or_else(|run| panic!("sluice ended with {:?}\n{}{}", run.code, run.stdout, run.stderr))
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it ends instead, as it should with a bad document.
    ///
    /// # Panics
    /// When it does neither in time, with everything that it said.
    pub async fn try_start(self) -> Result<Process, Run> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let source = match &self.document {
            Some(document) => {
                replace(&directory.path().join(DOCUMENT), &completed(document));
                ["-c", DOCUMENT]
            }
            None => ["--admin", "127.0.0.1:0"],
        };
        let mut child = Command::new(self.program.unwrap_or_else(binary))
            .current_dir(directory.path())
            .arg("run")
            .args(source)
            .args(["--ready-file", READY])
            .args(self.arguments)
            // Whoever runs the tests may have set them for gateways of their own.
            .env_remove("SLUICE_ADMIN_TOKEN")
            .env_remove("SLUICE_STATE")
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let output = Captured::read(child.stdout.take().expect("piped"));
        let errors = Captured::read(child.stderr.take().expect("piped"));
        let mut process = Process { directory, child, output, errors };
        match process.ready_or_ended().await {
            None => Ok(process),
            Some(status) => Err(process.exit(status)),
        }
    }
}

// === impl Process ===

impl Process {
    /// Runs a document and waits until the gateway is ready.
    ///
    /// Its listeners should have the address `127.0.0.1:0`; `version` and `gateway` may be left out.
    ///
    /// # Panics
    /// When it ends instead, or is not ready in time.
    pub async fn start(document: &str) -> Self {
        Self::with(document).start().await
    }

    /// A document to be run with more settings.
    pub fn with(document: &str) -> Settings {
        let (program, arguments, environment) = (None, Vec::new(), Vec::new());
        Settings { document: Some(document.to_owned()), program, arguments, environment }
    }

    /// No document at all, but an admin address: what is served is what operators write there.
    pub fn without_document() -> Settings {
        let arguments = ["--state", STATE].map(OsString::from).to_vec();
        Settings { document: None, program: None, arguments, environment: Vec::new() }
    }

    /// The bound address of a listener.
    ///
    /// # Panics
    /// When there is no such listener, or it is no TCP address.
    pub fn address(&self, listener: &str) -> SocketAddr {
        let ready = self.ready();
        let known = ready.listeners.keys().collect::<Vec<_>>();
        let Some(address) = ready.listeners.get(listener) else {
            panic!("there is no listener {listener}, there are {known:?}")
        };
        address.parse().unwrap_or_else(|_| panic!("the listener {listener} is at {address}, which is no TCP address"))
    }

    /// The bound address of a listener that a reload has added, as soon as the program names it.
    ///
    /// # Panics
    /// When it is not named in time.
    pub async fn added_address(&self, listener: &str) -> SocketAddr {
        let address = eventually("the new listener", async || self.ready().listeners.get(listener).cloned()).await;
        address.parse().expect("a TCP address")
    }

    /// The bound admin address.
    ///
    /// # Panics
    /// When it is no TCP address.
    pub fn admin(&self) -> SocketAddr {
        self.ready().admin.parse().expect("the admin address is a TCP address")
    }

    /// The bound address of the gateway's own registry.
    ///
    /// # Panics
    /// When there is none, or it is no TCP address.
    pub fn registry(&self) -> SocketAddr {
        self.ready().registry.parse().expect("the address of the registry is a TCP address")
    }

    /// The admin token, as the first start made it and keeps it in its state directory.
    ///
    /// # Panics
    /// When there is none.
    pub fn token(&self) -> String {
        let path = self.directory.path().join(STATE).join("admin-token");
        fs::read_to_string(path).expect("the token that the program made").trim().to_owned()
    }

    /// The directory that it runs in, where its document is, and into which it writes its state.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file of its document.
    pub fn document(&self) -> PathBuf {
        self.directory.path().join(DOCUMENT)
    }

    /// The id of the process, to ask the operating system about it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Replaces the document in one step, as editors and deployments do.
    pub fn write_document(&self, document: &str) {
        replace(&self.document(), &completed(document));
    }

    /// Replaces the document and waits until it is live.
    ///
    /// # Panics
    /// When it does not become so in time.
    pub async fn reload_and_wait(&self, document: &str) {
        let before = self.generation().await;
        self.write_document(document);
        eventually("the new document is live", async || (self.generation().await > before).then_some(())).await;
    }

    /// How many documents were published, as its metric says.
    ///
    /// # Panics
    /// When there is no such metric.
    pub async fn generation(&self) -> f64 {
        self.metrics().await.value(GENERATION, &[]).unwrap_or_else(|| panic!("there is no metric {GENERATION}"))
    }

    /// Every metric that it exposes now.
    ///
    /// # Panics
    /// When it does not answer, or not with metrics.
    pub async fn metrics(&self) -> Metrics {
        let answer = client::get(self.admin(), "/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Metrics::parse(answer.text())
    }

    /// Waits until the metrics answer the question.
    ///
    /// # Panics
    /// When they do not in time.
    #[track_caller]
    pub fn metrics_until<T>(
        &self,
        what: &str,
        mut question: impl FnMut(&Metrics) -> Option<T>,
    ) -> impl Future<Output = T> {
        eventually(what, async move || question(&self.metrics().await))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process has ended already.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is running");
    }

    /// Has the operating system refuse to make any file of it larger than this, as a disk that is full would; `None`: no more.
    ///
    /// # Panics
    /// When the process has ended already.
    pub fn limit_file_size(&self, bytes: Option<u64>) {
        let pid = Some(Pid::from_child(&self.child));
        let before = getrlimit(Resource::Fsize);
        let limit = Rlimit { current: bytes.or(before.maximum), maximum: before.maximum };
        prlimit(pid, Resource::Fsize, limit).expect("the process is running");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn wait_exit(mut self) -> Run {
        let ended = eventually("the process has ended", async || self.child.try_wait().expect("our own child"));
        let status = ended.await;
        self.exit(status)
    }

    /// What it has written to its standard output until now.
    pub fn stdout(&self) -> String {
        self.output.text()
    }

    /// What it has written to its standard error until now.
    pub fn stderr(&self) -> String {
        self.errors.text()
    }

    /// Waits until it says this on either stream.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn says(&self, text: &str) -> impl Future<Output = ()> {
        eventually(text, async move || (self.stdout().contains(text) || self.stderr().contains(text)).then_some(()))
    }

    /// Waits until it is ready, which gives none, or has ended.
    async fn ready_or_ended(&mut self) -> Option<ExitStatus> {
        let path = self.directory.path().join(READY);
        eventually("ready, or ended", async || {
            if path.exists() {
                return Some(None);
            }
            self.child.try_wait().expect("our own child").map(Some)
        })
        .await
    }

    fn ready(&self) -> Ready {
        let path = self.directory.path().join(READY);
        let text = fs::read_to_string(&path).expect("the ready file, which is replaced in one step");
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in the ready file: {text}"));
        let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let listeners = value["listeners"].as_object().into_iter().flatten();
        Ready {
            admin: string(&value["admin"]),
            registry: string(&value["registry"]),
            listeners: listeners.map(|(name, address)| (name.clone(), string(address))).collect(),
        }
    }

    fn exit(&mut self, status: ExitStatus) -> Run {
        Run { code: status.code(), stdout: self.output.whole(), stderr: self.errors.whole() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only when the process has ended, and either way its end is waited for: no zombie, and no file is
        // written into a directory that is being removed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- sluice said on its standard output\n{}", self.output.whole());
            eprintln!("--- sluice said on its standard error\n{}", self.errors.whole());
        }
    }
}

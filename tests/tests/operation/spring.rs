//! A stock Eureka estate: a server and services as Spring Cloud ships them, from `tests/fixtures/eureka`.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

/// The programs of the estate, built.
pub(crate) struct Estate {
    directory: PathBuf,
}

/// One program that runs, until this is dropped.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    said: Arc<Mutex<String>>,
}

/// What the first build may take: it fetches about 100 MB.
const BUILDING: Duration = Duration::from_secs(600);
/// What a start may take on a machine that does much else.
const STARTING: Duration = Duration::from_secs(300);

/// Runs what its arguments say for as long as its input is open: whatever ends the test, nothing is left behind.
const UNTIL_INPUT_ENDS: &str =
    "exec 3<&0; \"$@\" 3<&- </dev/null & child=$!; { cat <&3 >/dev/null; kill $child; } & wait $child";

// === impl Estate ===

impl Estate {
    /// Builds it, or finds it built. `None`, said aloud, where there is no Maven.
    ///
    /// # Panics
    /// When it cannot be built.
    pub(crate) fn get() -> Option<&'static Self> {
        static ESTATE: OnceLock<Option<Estate>> = OnceLock::new();
        ESTATE.get_or_init(Self::build).as_ref()
    }

    fn build() -> Option<Self> {
        for tool in ["java", "mvn"] {
            match Command::new(tool).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
                Ok(status) if status.success() => {}
                _ => {
                    eprintln!(
                        "SKIPPED: `{tool}` is not here, so no test has met a real Eureka; `apt-get install maven`"
                    );
                    return None;
                }
            }
        }
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/eureka");
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("eureka-{:016x}", content(&sources)));
        fs::create_dir_all(&directory).expect("a directory below that of the build");
        // Of all the tests that want it at once, one builds it.
        let lock = File::create(directory.join("lock")).expect("a file to lock");
        lock.lock().expect("a lock");
        let estate = Self { directory };
        let done = estate.directory.join("done");
        if !done.exists() {
            copy(&sources, &estate.directory).expect("the sources can be copied");
            // What was fetched before is enough, as a rule, and then nobody is asked.
            if let Err(why) = estate.maven(&["--offline"]) {
                eprintln!("not everything is here yet, so it is fetched: {}", why.lines().next().unwrap_or_default());
                estate.maven(&[]).unwrap_or_else(|why| panic!("tests/fixtures/eureka cannot be built:\n{why}"));
            }
            File::create(done).expect("a file that says that it is done");
        }
        Some(estate)
    }

    fn maven(&self, arguments: &[&str]) -> Result<(), String> {
        let log = self.directory.join("maven.log");
        let output = File::create(&log).expect("a file below the directory of the build");
        let mut maven = Command::new("mvn")
            .current_dir(&self.directory)
            .args(["--batch-mode", "--quiet", "package"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("another handle"))
            .stderr(output)
            .spawn()
            .expect("it ran a moment ago");
        let limit = Instant::now() + BUILDING;
        loop {
            match maven.try_wait().expect("our own child") {
                Some(status) if status.success() => return Ok(()),
                None if Instant::now() < limit => thread::sleep(Duration::from_millis(100)),
                ended => {
                    _ = maven.kill();
                    _ = maven.wait();
                    let ended = ended.map_or_else(|| format!("not within {BUILDING:?}"), |status| status.to_string());
                    return Err(format!("{ended}\n{}", fs::read_to_string(&log).unwrap_or_default()));
                }
            }
        }
    }

    /// Starts a Eureka server; its address once it serves.
    pub(crate) async fn server(&self) -> (Program, String) {
        let server = self.run("server", &[]);
        let port = server.port().await;
        (server, format!("http://127.0.0.1:{port}/eureka"))
    }

    /// Starts a service that registers with this server, with more settings of Spring. It says its name at `/name`.
    pub(crate) async fn client(&self, server: &str, settings: &[&str]) -> Program {
        let zone = format!("--eureka.client.service-url.defaultZone={server}/");
        let mut arguments = vec![zone.as_str(), "--eureka.instance.ip-address=127.0.0.1"];
        arguments.extend(settings);
        let client = self.run("client", &arguments);
        client.port().await;
        client
    }

    fn run(&self, name: &'static str, settings: &[&str]) -> Program {
        let jar = self.directory.join(name).join("target").join(format!("{name}.jar"));
        let mut child = Command::new("sh")
            .args(["-c", UNTIL_INPUT_ENDS, "sh", "java"])
            // Ready soon rather than fast later.
            .args(["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar"])
            .arg(jar)
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let said = Arc::new(Mutex::new(String::new()));
        let mut stream = child.stdout.take().expect("piped");
        let shared = said.clone();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut piece) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        Program { name, child, said }
    }
}

// === impl Program ===

impl Program {
    /// Where it listens, once it does.
    async fn port(&self) -> u16 {
        let limit = Instant::now() + STARTING;
        loop {
            let said = self.said.lock().unwrap().clone();
            if let Some(port) = said.lines().find_map(port_of) {
                return port;
            }
            assert!(Instant::now() < limit, "{} does not listen within {STARTING:?}; it said\n{said}", self.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It takes its leave of the registry.
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {} said\n{}", self.name, self.said.lock().unwrap());
        }
    }
}

/// `Tomcat started on port 40123 (http) with context path '/'`.
fn port_of(line: &str) -> Option<u16> {
    let (_, after) = line.split_once("Tomcat started on port ")?;
    after.split(' ').next()?.parse().ok()
}

/// A number that differs when what is built does.
fn content(directory: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, content) in files(directory) {
        (path, content).hash(&mut hasher);
    }
    hasher.finish()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for (path, content) in files(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().expect("it is in a directory"))?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// All files below a directory but what was built there, with their paths below it.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).expect("a directory of the sources") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true if path.ends_with("target") => {}
                true => open.push(path),
                false => {
                    let content = fs::read(&path).expect("a file of the sources");
                    found.push((path.strip_prefix(directory).expect("it is below").to_owned(), content));
                }
            }
        }
    }
    found.sort();
    found
}

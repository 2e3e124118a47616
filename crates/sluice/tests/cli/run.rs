//! `sluice run`: what the terminal and the operating system see of a gateway.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    sync::Arc,
};

use http::Method;
use tokio::{sync::Notify, task::JoinHandle};

use testkit::{
    client::{
        self, Client, request,
        tool::{self, Run},
    },
    eventually,
    gateway::{Process, Signal},
    origin::RawOrigin,
};

use crate::{SLUICE, sluice};

const WEB: &str = "listeners: [{ name: web, address: \"127.0.0.1:0\" }]\n";

fn replies(body: &str) -> String {
    format!("{WEB}routes: [{{ name: all, respond: {{ body: {body} }} }}]\n")
}

async fn start(document: &str) -> Process {
    Process::with(document).program(SLUICE).start().await
}

/// What a gateway that should not start says.
async fn refused(document: &str) -> Run {
    match Process::with(document).program(SLUICE).try_start().await {
        Ok(process) => panic!("it serves\n{}", process.stderr()),
        Err(run) => run,
    }
}

#[tokio::test]
async fn a_bad_document_is_refused_with_all_its_problems_and_nothing_else() {
    let run = refused("version: 1\nlisteners: []\nrotes: []\nupstreams: [{ name: a }]\n").await;
    assert_eq!(run.code, Some(1));
    let lines = [
        "sluice.yaml:1:1: warning: there are no listeners, so nothing is served",
        "sluice.yaml:4:1: error: unknown key `rotes`; did you mean `routes`?",
        // tidy-allow fixed-port: the message shows one
        "sluice.yaml:5:13: error: an upstream without endpoints; give it at least one address, for example `endpoints: [127.0.0.1:9001]`, or say where they are found, for example `discovery: { dns: { name: orders.internal, port: 80 } }`",
    ];
    assert_eq!(run.stderr.lines().collect::<Vec<_>>(), lines);
}

#[tokio::test]
async fn an_address_in_use_is_refused_with_its_place() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let run = refused(&format!("version: 1\ngateway: {{}}\nlisteners:\n  - name: web\n    address: {address}\nroutes: [{{ name: all, respond: {{}} }}]\n")).await;
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.stderr,
        format!(
            "sluice.yaml:4:5: error: listener `web`: cannot listen on {address}: Address already in use (os error 98); another process listens there (see `ss -ltnp`)\n"
        )
    );
}

#[tokio::test]
async fn an_admin_address_in_use_is_refused_with_its_place() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let run = refused(&format!("version: 1\ngateway:\n  admin: {{ address: \"{address}\" }}\n{}", replies("a"))).await;
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.stderr,
        format!(
            "sluice.yaml:3:21: error: cannot listen on {address} for operators: Address already in use (os error 98); another process listens there (see `ss -ltnp`)\n"
        )
    );
}

#[tokio::test]
async fn an_access_log_that_cannot_be_written_is_refused() {
    let run =
        refused(&format!("version: 1\ngateway: {{ access_log: {{ path: gone/access.log }} }}\n{}", replies("a"))).await;
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.stderr,
        "error: cannot write the access log to gone/access.log: No such file or directory (os error 2)\n"
    );
}

#[tokio::test]
async fn a_ready_file_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("sluice.yaml");
    fs::write(&document, format!("version: 1\n{}", replies("a"))).unwrap();
    let ready = folder.path().join("gone/ready.json");
    let run = sluice(&["run", "-c", document.to_str().unwrap(), "--ready-file", ready.to_str().unwrap()]).await;
    let why = "No such file or directory (os error 2)";
    assert_eq!(run.stderr, format!("error: cannot write the ready file {}: {why}\n", ready.display()));
    assert_eq!(run.code, Some(1));
}

#[tokio::test]
async fn a_reload_tells_the_terminal_what_it_did() {
    let gateway = start(&replies("one")).await;
    gateway.says("the document is live generation=1 routes=1 ms=").await;
    gateway.reload_and_wait(&replies("two")).await;
    gateway.says("the document is live generation=2 routes=1 ms=").await;
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "two");
}

#[tokio::test]
async fn a_reload_that_is_refused_says_why_and_changes_nothing() {
    let gateway = start(&replies("one")).await;
    gateway.write_document(&format!("{WEB}routes: [{{ name: all, respnd: {{}} }}]\n"));
    gateway.says("did you mean `respond`?").await;
    gateway.says("the one before it still serves generation=1").await;
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "one");
    // Mending it is noticed.
    gateway.reload_and_wait(&replies("two")).await;
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "two");
}

#[tokio::test]
async fn a_hangup_reloads_and_opens_the_access_log_anew() {
    let gateway = start(&format!(
        "version: 1\ngateway: {{ admin: {{ address: \"127.0.0.1:0\" }}, access_log: {{ path: access.log }} }}\n{}",
        replies("a")
    ))
    .await;
    let log = gateway.directory().join("access.log");
    let rotated = gateway.directory().join("access.log.1");
    client::get(gateway.address("web"), "/before").await;
    eventually("the line is written", async || fs::read_to_string(&log).ok()?.contains("/before").then_some(())).await;
    fs::rename(&log, &rotated).unwrap();
    gateway.signal(Signal::HUP);
    gateway.says("generation=2").await;
    eventually("the new file is there", async || log.exists().then_some(())).await;
    client::get(gateway.address("web"), "/after").await;
    eventually("the line is written", async || fs::read_to_string(&log).ok()?.contains("/after").then_some(())).await;
    assert!(!fs::read_to_string(&rotated).unwrap().contains("/after"));
}

#[tokio::test]
async fn the_ready_file_follows_the_listeners() {
    let gateway = start(&replies("a")).await;
    let first = gateway.address("web");
    let socket = gateway.directory().join("x.sock");
    let more = format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}, {{ name: more, address: \"127.0.0.1:0\" }}, {{ name: local, address: \"unix:{}\" }}]\nroutes: [{{ name: all, respond: {{ body: b }} }}]\n",
        socket.display()
    );
    gateway.reload_and_wait(&more).await;
    let added = gateway.added_address("more").await;
    assert_eq!(client::get(added, "/").await.text(), "b");
    assert_eq!(gateway.address("web"), first);
    let ready = || fs::read_to_string(gateway.directory().join("ready.json")).unwrap();
    assert!(ready().contains(&format!("\"local\":\"unix:{}\"", socket.display())), "{}", ready());

    gateway.reload_and_wait(&replies("c")).await;
    eventually("the listener is gone from the file", async || (!ready().contains("more")).then_some(())).await;
}

#[tokio::test]
async fn an_admin_address_may_be_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    // Left over from a gateway that was killed.
    drop(UnixListener::bind(&socket).unwrap());
    let gateway = format!("gateway: {{ admin: {{ address: \"unix:{}\" }} }}\n", socket.display());
    let gateway = start(&format!("version: 1\n{gateway}{}", replies("a"))).await;
    let run = tool::curl(&["--unix-socket", socket.to_str().unwrap(), "http://localhost/readyz"]).await;
    assert_eq!(run.success(), "ok\n");
    let ready = fs::read_to_string(gateway.directory().join("ready.json")).unwrap();
    assert!(ready.starts_with(&format!("{{\"admin\":\"unix:{}\",", socket.display())), "{ready}");
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().await.code, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_gateway_without_an_admin_address_has_none() {
    let gateway = start(&format!("version: 1\ngateway: {{ workers: 1 }}\n{}", replies("a"))).await;
    let ready = fs::read_to_string(gateway.directory().join("ready.json")).unwrap();
    assert!(ready.starts_with("{\"admin\":null,"), "{ready}");
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "a");
}

/// A gateway with an exchange under way, that ends when it is told to.
struct Busy {
    gateway: Process,
    exchange: JoinHandle<Option<String>>,
    answer: Arc<Notify>,
    _origin: RawOrigin,
}

async fn busy() -> Busy {
    let answer = Arc::new(Notify::new());
    let release = answer.clone();
    let origin = RawOrigin::start(move |mut conn| {
        let release = release.clone();
        async move {
            while conn.request().await.is_ok() {
                release.notified().await;
                // The gateway may be gone by now.
                _ = conn.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
            }
        }
    })
    .await;
    let upstreams = format!("upstreams: [{{ name: a, endpoints: [\"{}\"] }}]\n", origin.address);
    let gateway = start(&format!("{WEB}{upstreams}routes: [{{ name: all, upstream: a }}]\n")).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let exchange = tokio::spawn(async move {
        let answer = client.try_fetch(request(Method::GET, "/")).await.ok()?;
        Some(answer.text().to_owned())
    });
    origin.next_request().await;
    Busy { gateway, exchange, answer, _origin: origin }
}

#[tokio::test]
async fn a_drain_is_told_at_once_and_lets_exchanges_finish() {
    let Busy { gateway, exchange, answer, _origin } = busy().await;
    let (web, admin) = (gateway.address("web"), gateway.admin());
    assert_eq!(client::get(admin, "/readyz").await.status, 200);
    gateway.signal(Signal::TERM);
    let ready = eventually("it is not ready any more", async || {
        let answer = client::get(admin, "/readyz").await;
        (answer.status == 503).then_some(answer)
    });
    assert!(ready.await.text().contains("[-] drain: the gateway is shutting down"));
    assert_eq!(client::get(admin, "/livez").await.status, 200);
    eventually("nobody listens any more", async || TcpStream::connect(web).err()).await;
    answer.notify_one();
    assert_eq!(exchange.await.unwrap().as_deref(), Some("done"));
    let run = gateway.wait_exit().await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[tokio::test]
async fn a_second_interrupt_ends_it_at_once() {
    let Busy { gateway, exchange, _origin, .. } = busy().await;
    gateway.signal(Signal::INT);
    gateway.says("draining").await;
    gateway.signal(Signal::INT);
    assert_eq!(gateway.wait_exit().await.code, Some(130));
    assert_eq!(exchange.await.unwrap(), None);
}

#[tokio::test]
async fn the_first_start_makes_a_token_and_says_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let start = async || {
        let gateway = Process::with(&replies("a")).program(SLUICE).env("SLUICE_STATE", &state).start().await;
        gateway.signal(Signal::TERM);
        gateway.wait_exit().await
    };
    let first = start().await;
    let token = fs::read_to_string(state.join("admin-token")).unwrap();
    let said = format!(
        "The admin token, which is shown this once and kept in {}:\n{token}",
        state.join("admin-token").display()
    );
    assert!(first.stderr.contains(&said), "{}", first.stderr);
    assert_eq!((fs::metadata(&state).unwrap().permissions().mode() & 0o777, token.trim().len()), (0o700, 64));
    let second = start().await;
    assert!(!second.stderr.contains("token"), "{}", second.stderr);
    assert_eq!(fs::read_to_string(state.join("admin-token")).unwrap(), token);
}

#[tokio::test]
async fn a_token_is_not_made_where_none_is_needed() {
    let gateway = Process::with(&replies("a")).program(SLUICE).env("SLUICE_ADMIN_TOKEN", "given").start().await;
    assert!(!gateway.directory().join(".sluice").exists());
    let document = format!("version: 1\ngateway: {{ workers: 1 }}\n{}", replies("a"));
    let gateway = Process::with(&document).program(SLUICE).start().await;
    assert!(!gateway.directory().join(".sluice").exists());
}

#[tokio::test]
async fn a_token_that_is_no_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin-token");
    fs::write(&file, "known to all").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let settings = Process::with(&replies("a")).program(SLUICE).argument("--state").argument(folder.path());
    let Err(run) = settings.try_start().await else { panic!("it serves") };
    let file = file.display();
    let expected = format!("error: the admin token {file} can be read by others (mode 644); `chmod 600 {file}`\n");
    assert_eq!((run.code, run.stderr), (Some(1), expected));
    let settings = Process::with(&replies("a")).program(SLUICE).env("SLUICE_ADMIN_TOKEN", "");
    let Err(run) = settings.try_start().await else { panic!("it serves") };
    let expected = "error: SLUICE_ADMIN_TOKEN is no token: it must be visible ASCII without spaces, and not empty\n";
    assert_eq!((run.code, &*run.stderr), (Some(1), expected));
}

#[tokio::test]
async fn without_a_document_it_says_what_to_do_next() {
    let process = Process::without_document().program(SLUICE).start().await;
    process.says("there is no document yet: write one with `PUT http://127.0.0.1:").await;
    let state = process.directory().join(".sluice");
    assert!(state.join("admin-token").exists() && !state.join("revisions.redb").exists());
    assert_eq!(client::get(process.admin(), "/readyz").await.status, 200);
}

/// Nobody who mistypes gets an empty gateway.
#[tokio::test]
async fn a_document_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("gone.yaml");
    let run = sluice(&["run", "-c", missing.to_str().unwrap(), "--state", folder.path().to_str().unwrap()]).await;
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("gone.yaml:1:1: error: cannot read the file"), "{}", run.stderr);
}

//! `sluice demo`: the first five minutes.

use std::{
    fs::{self, File},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{
    client::{self, Client, Grpc, request, tool, websocket},
    demo::grpc::Message,
    eventually,
};

use crate::SLUICE;

/// A demo of this test alone; killed when dropped.
struct Demo {
    folder: TempDir,
    child: Child,
    ready: Value,
}

impl Demo {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        let child = Command::new(SLUICE)
            .args(["demo", "--port", "0", "--admin-port", "0", "--ready-file"])
            .arg(path("ready.json"))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(path("stdout")).unwrap())
            .stderr(File::create(path("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut demo = Self { folder, child, ready: Value::Null };
        demo.ready =
            eventually("the demo is ready", async || serde_json::from_str(&demo.read("ready.json")?).ok()).await;
        // Printed after that.
        eventually("the demo says what to try", async || demo.read("stdout")?.contains("Ctrl-C").then_some(())).await;
        demo
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(file)).ok()
    }

    fn web(&self) -> SocketAddr {
        self.ready["listeners"]["web"].as_str().unwrap().parse().unwrap()
    }

    fn admin(&self) -> SocketAddr {
        self.ready["admin"].as_str().unwrap().parse().unwrap()
    }

    /// The lines to try, as printed.
    fn lines(&self) -> Vec<String> {
        let said = self.read("stdout").unwrap();
        let lines = said.lines().zip(said.lines().skip(1)).filter(|(comment, _)| comment.starts_with("# "));
        lines.map(|(_, line)| line.to_owned()).collect()
    }

    async fn end(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        eventually("the demo has ended", async || self.child.try_wait().unwrap()).await.code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It fails only when it has ended, and either way its end is waited for.
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}\n{}", self.read("stdout").unwrap_or_default(), self.read("stderr").unwrap_or_default());
        }
    }
}

async fn shell(line: &str) -> String {
    tool::run("sh", &["-c", line]).await.success().to_owned()
}

#[tokio::test]
async fn the_three_lines_do_what_they_say() {
    let demo = Demo::start().await;
    let lines = demo.lines();
    let [turns, stream, reload] = &lines[..] else { panic!("{lines:#?}") };

    let said = shell(turns).await;
    let instances: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let instances: Vec<&str> = instances.iter().map(|answer| answer["instance"].as_str().unwrap()).collect();
    assert_eq!(instances, ["users-1", "users-2", "users-3", "users-1", "users-2", "users-3"]);

    let ticks = shell(stream).await;
    assert_eq!(ticks.matches("event: tick").count(), 5, "{ticks}");

    // Before, nobody gets version 2; after, everybody else does.
    for _ in 0..4 {
        assert_eq!(client::get(demo.web(), "/orders").await.json()["version"], "v1");
    }
    shell(reload).await;
    eventually("version 2 gets its share", async || {
        (client::get(demo.web(), "/orders").await.json()["version"] == "v2").then_some(())
    })
    .await;
    assert!(demo.read("stderr").unwrap().contains("the document is live generation=2 routes="));
    assert_eq!(demo.end(Signal::INT).await, Some(0));
}

#[tokio::test]
async fn every_service_can_be_reached() {
    let demo = Demo::start().await;
    let mut client = Client::http1(demo.web()).await;
    for (path, status) in [
        ("/", 200),
        ("/users", 200),
        ("/people/2", 200),
        ("/people/9", 404),
        ("/orders", 200),
        ("/events?count=1", 200),
        ("/echo", 200),
        ("/slow?ms=1", 200),
        ("/flaky", 200),
        ("/gone", 502),
        ("/old/1", 308),
        ("/nothing", 404),
    ] {
        assert_eq!(client.get(path).await.status, status, "{path}");
    }
    let mut asked = request(http::Method::GET, "/orders");
    asked.headers_mut().insert("host", "a.shop.localhost".parse().unwrap());
    asked.headers_mut().insert("x-version", "2".parse().unwrap());
    let answer = client.fetch(asked).await;
    assert_eq!(answer.field("x-served-for"), Some("shop"));
    assert_eq!(answer.json()["service"], "echo");

    drop(websocket::connect(demo.web(), "/ws").await);
    let grpc = Grpc::over(Client::h2c(demo.web()).await);
    let message = Message { text: "hello".into(), count: 1 };
    assert_eq!(grpc.unary(&message).await.unwrap(), message);

    assert_eq!(client::get(demo.admin(), "/readyz").await.status, 200);
    assert_eq!(demo.end(Signal::TERM).await, Some(0));
}

#[tokio::test]
async fn a_mistake_in_the_document_is_told_and_changes_nothing() {
    let demo = Demo::start().await;
    let path = demo.lines()[2]
        .split_whitespace()
        .find(|word| word.contains(".yaml"))
        .unwrap()
        .trim_end_matches(';')
        .to_owned();
    let document = fs::read_to_string(&path).unwrap();
    fs::write(&path, document.replace("weight: 0", "wieght: 0")).unwrap();
    eventually("the terminal says so", async || demo.read("stderr")?.contains("did you mean `weight`?").then_some(()))
        .await;
    assert_eq!(client::get(demo.web(), "/orders").await.status, 200);
    let folder = std::path::Path::new(&path).parent().unwrap().to_owned();
    assert!(folder.join("schema.json").is_file());
    assert_eq!(demo.end(Signal::INT).await, Some(0));
    assert!(!folder.exists(), "the folder of the demo is gone with it");
}

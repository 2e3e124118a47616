//! The registry over real sockets, asked with bytes, in each of its dialects.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// As clients of Consul ask.
mod consul;
/// As clients of Eureka ask.
mod eureka;
/// What is the same in all dialects.
mod listener;
/// What outlives a restart.
mod store;
/// Our own API.
mod rest;
/// The gateway hears of everything.
mod watch;

use std::{net::SocketAddr, path::Path, time::Duration};

use message::Token;
use registry::{Registry, Settings};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// A registry of this test alone.
struct Running {
    address: SocketAddr,
    registry: Registry,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn settings() -> Settings {
    Settings { token: None, max_ttl: Duration::from_mins(5), allow: Vec::new() }
}

async fn start() -> Running {
    start_with(settings(), None).await
}

async fn start_guarded() -> Running {
    start_with(Settings { token: Token::new("secret"), ..settings() }, None).await
}

async fn start_with(settings: Settings, folder: Option<&Path>) -> Running {
    let registry = Registry::new();
    registry.open(settings, folder).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = registry.clone();
    let served = tokio::spawn(async move {
        serving
            .serve(listener.into(), async {
                _ = stopped.await;
            })
            .await;
    });
    Running { address, registry, stop, served }
}

impl Running {
    /// `fields` have their line breaks.
    async fn ask(&self, method: &str, target: &str, fields: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}");
        self.send(&format!("{head}content-length: {length}\r\n\r\n{body}")).await
    }

    async fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        within(stream.read_to_end(&mut bytes)).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "accept: application/json\r\n", "").await
    }

    async fn put(&self, target: &str, body: &str) -> Answer {
        self.ask("PUT", target, "content-type: application/json\r\n", body).await
    }

    async fn delete(&self, target: &str) -> Answer {
        self.ask("DELETE", target, "", "").await
    }

    /// Registers by our own API.
    async fn register(&self, service: &str, id: &str, port: u16) {
        let body = format!(r#"{{"address":"127.0.0.1:{port}","labels":{{"zone":"a"}}}}"#);
        let answer = self.put(&format!("/v1/services/{service}/instances/{id}"), &body).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
    }

    /// The status of every instance of a service, by id, as our own API tells it.
    async fn statuses(&self, service: &str) -> Vec<(String, String)> {
        let told = self.get(&format!("/v1/services/{service}")).await.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        told["instances"].as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["status"]))).collect()
    }

    /// Ends it, as the gateway does.
    async fn end(self) {
        self.stop.send(()).unwrap();
        within(self.served).await.unwrap();
    }
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    #[track_caller]
    fn expect(&self, status: u16, text: &str) {
        assert!(self.status == status && self.body.contains(text), "{} {}", self.status, self.body);
    }

    #[track_caller]
    fn expect_problem(&self, status: u16, detail: &str) {
        assert!(self.head.contains("Content-Type: application/problem+json"), "{}\n{}", self.head, self.body);
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }

    #[track_caller]
    fn field(&self, name: &str) -> &str {
        let field = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        field.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// Fails rather than hangs.
async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), work).await.unwrap()
}

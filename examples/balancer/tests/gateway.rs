//! The program with `first_fit`, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, sync::Arc};

use http::{Request, Response};
use testkit::{
    PATIENCE, body,
    client::{self, tool},
    gateway::Process,
    origin::Origin,
    within,
};
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedSender, unbounded_channel},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_own-balancer");

/// Says its name. What is asked for `/hold` is told, and not answered before it is let go.
async fn origin(name: &'static str, arrivals: UnboundedSender<&'static str>, go: Arc<Semaphore>) -> Origin {
    let answer = move |request: Request<_>| {
        let (arrivals, go) = (arrivals.clone(), go.clone());
        async move {
            if request.uri().path() == "/hold" {
                arrivals.send(name).unwrap();
                drop(go.acquire().await);
            }
            Response::new(body::full(name))
        }
    };
    Origin::start(answer).await
}

#[tokio::test]
async fn the_next_endpoint_is_asked_when_the_first_is_full() {
    let (arrivals, mut arrived) = unbounded_channel();
    let go = Arc::new(Semaphore::new(0));
    let first = origin("first", arrivals.clone(), go.clone()).await;
    let second = origin("second", arrivals, go.clone()).await;
    let gateway = Process::with(&format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams:\n  - {{ name: all, endpoints: [\"{}\", \"{}\"], balance: {{ first_fit: {{ most: 2 }} }} }}\n\
         routes: [{{ name: all, upstream: all }}]\n",
        first.address, second.address
    ));
    let gateway = gateway.program(PROGRAM).start().await;
    let web = gateway.address("web");
    for _ in 0..5 {
        assert_eq!(client::get(web, "/").await.text(), "first");
    }
    let mut held = Vec::new();
    for expected in ["first", "first", "second"] {
        held.push(tokio::spawn(async move { client::get(web, "/hold").await.text().to_owned() }));
        assert_eq!(within(PATIENCE, arrived.recv()).await, Some(expected));
    }
    assert_eq!(client::get(web, "/").await.text(), "second");
    go.close();
    for (held, expected) in held.into_iter().zip(["first", "first", "second"]) {
        assert_eq!(held.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn documents_are_checked_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.yaml");
    let check = async |balance: &str| {
        let upstream = format!("{{ name: all, endpoints: [a:80], balance: {balance} }}");
        fs::write(
            &path,
            format!("version: 1\nlisteners: [{{ name: web, address: \"127.0.0.1:0\" }}]\nupstreams:\n  - {upstream}\n"),
        )
        .unwrap();
        let run = tool::run(PROGRAM, &["check", "-c", path.to_str().unwrap()]).await;
        let first = run.stderr.lines().next().unwrap_or_default().to_owned();
        first.replace(&format!("{}:", path.display()), "")
    };
    for (balance, expected) in [
        ("{ first_fit: { most: 2 } }", ""),
        ("{ first_fit: { most: 0 } }", "with `most: 0` no endpoint ever has room; for example `most: 50`"),
        ("{ first_fit: { most: 2, least: 2 } }", "unknown key `least`"),
        ("first_fit", "missing key `most`"),
        ("first_fot", "unknown way to balance `first_fot`; did you mean `first_fit`?"),
        ("{ randon: {} }", "unknown way to balance `randon`; did you mean `random`?"),
    ] {
        let said = check(balance).await;
        assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{balance}: {said}");
    }
}

#[tokio::test]
async fn editors_learn_of_it() {
    let run = tool::run(PROGRAM, &["schema"]).await;
    assert!(run.success().contains("How many requests an endpoint has under way before the next one is asked."));
}

//! What is the same in all dialects.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
};

use crate::{settings, start, start_guarded, within};

#[tokio::test]
async fn with_a_token_nobody_else_is_answered() {
    let running = start_guarded().await;
    for (fields, known) in [
        ("", false),
        ("authorization: Bearer wrong\r\n", false),
        ("authorization: Bearer secret\r\n", true),
        ("x-consul-token: secret\r\n", true),
        ("x-consul-token: secre\r\n", false),
        // any:secret
        ("authorization: Basic YW55OnNlY3JldA==\r\n", true),
        // secret:any
        ("authorization: Basic c2VjcmV0OmFueQ==\r\n", false),
    ] {
        for (target, refused) in
            [("/v1/services", 401), ("/eureka/apps", 401), ("/v1/agent/services", 403), ("/nothing", 401)]
        {
            let answer = running.ask("GET", target, fields, "").await;
            let expected = match (known, target) {
                (true, "/nothing") => 404,
                (true, _) => 200,
                (false, _) => refused,
            };
            assert_eq!(answer.status, expected, "{target} {fields}");
        }
    }
    assert_eq!(running.get("/v1/services?token=secret").await.status, 401);
    let challenge = running.get("/eureka/apps").await;
    assert!(challenge.field("Www-Authenticate").starts_with("Basic"), "{}", challenge.head);
}

#[tokio::test]
async fn pages_in_browsers_get_nowhere() {
    let running = start().await;
    for fields in ["host: evil.example\r\n", "origin: http://127.0.0.1\r\nhost: localhost\r\n"] {
        let request = format!("GET /v1/services HTTP/1.1\r\n{fields}connection: close\r\n\r\n");
        running.send(&request).await.expect_problem(403, "");
    }
    let request = "GET http://evil.example/v1/services/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    running.send(request).await.expect_problem(403, "not known as `evil.example`");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_too_much() {
    let running = start().await;
    running.get("/v1/kv/a").await.expect_problem(404, "there are /v1/services, Eureka's /eureka/apps, and of Consul");
    running.delete("/v1/services").await.expect_problem(405, "not asked with DELETE");
    let large = "x".repeat(256 * 1024 + 1);
    running.put("/v1/services/a/instances/b", &large).await.expect_problem(413, "at most 262144 bytes");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_cut_off() {
    let running = start().await;
    let request =
        "PUT /v1/services/a/instances/b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{";
    running.send(request).await.expect_problem(408, "took longer");
}

#[tokio::test]
async fn those_who_wait_are_no_reason_to_go_on() {
    let running = start().await;
    let index = running.get("/v1/services").await.json()["index"].as_u64().unwrap();
    let mut waiting = TcpStream::connect(running.address).await.unwrap();
    let request = format!("GET /v1/services?index={index}&wait=10m HTTP/1.1\r\nhost: localhost\r\n\r\n");
    waiting.write_all(request.as_bytes()).await.unwrap();
    running.register("a", "b", 1).await;
    let mut begin = [0; 8];
    within(waiting.read_exact(&mut begin)).await.unwrap();
    running.end().await;
    within(waiting.read_to_end(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_does_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let registry = registry::Registry::new();
    registry.open(settings(), None).unwrap();
    tokio::spawn(async move { registry.serve(listener.into(), std::future::pending()).await });
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /v1/services HTTP/1.1\r\nhost: whoever\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    within(stream.read_to_string(&mut text)).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
}

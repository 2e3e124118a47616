use std::future::Future;

use model::FromText;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const BOUNDS: Bounds = Bounds { time: Duration::from_secs(20), bytes: 64 };

fn tls() -> UpstreamTls {
    UpstreamTls { server_name: None, ca: None, client_certificate: None }
}

/// Answers each connection once, with these bytes, and tells what it was asked.
async fn server(answers: Vec<&'static str>) -> (HttpUrl, impl Future<Output = Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = HttpUrl::from_text(&format!("http://{}/base/", listener.local_addr().unwrap())).unwrap();
    let served = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = vec![0; 4096];
            let length = stream.read(&mut read).await.unwrap();
            asked.push(String::from_utf8_lossy(&read[..length]).into_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (url, async { served.await.unwrap() })
}

#[tokio::test]
async fn paths_are_below_that_of_the_address() {
    let (url, asked) = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"]).await;
    let client = Client::new(Speaks::Http1, &tls()).unwrap();
    let answer = client.send(&url, Request::get("/v1/x?a=b").body(Bytes::new()).unwrap(), BOUNDS).await.unwrap();
    assert_eq!((answer.head.status().as_u16(), &answer.body[..]), (200, &b"hi"[..]));
    let asked = asked.await.remove(0);
    assert!(asked.starts_with("GET /base/v1/x?a=b HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains(&format!("host: {}", url.authority())), "{asked}");
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_no_failure() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let (url, asked) = server(vec![answer, answer]).await;
    let client = Client::new(Speaks::Http1, &tls()).unwrap();
    for _ in 0..2 {
        client.send(&url, Request::get("/").body(Bytes::new()).unwrap(), BOUNDS).await.unwrap();
    }
    assert_eq!(asked.await.len(), 2);
}

#[tokio::test]
async fn bounds_hold() {
    let long = concat!(
        "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n",
        "12345678901234567890123456789012345678901234567890123456789012345"
    );
    let (url, _asked) = server(vec![long]).await;
    let client = Client::new(Speaks::Http1, &tls()).unwrap();
    let failed = client.send(&url, Request::get("/").body(Bytes::new()).unwrap(), BOUNDS).await.unwrap_err();
    assert!(matches!(failed, FetchError::TooLong(64)), "{failed}");

    // Nobody accepts.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = HttpUrl::from_text(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let bounds = Bounds { time: Duration::from_millis(50), bytes: 64 };
    let failed = client.send(&url, Request::get("/").body(Bytes::new()).unwrap(), bounds).await.unwrap_err();
    assert!(matches!(failed, FetchError::Late(_)), "{failed}");
    drop(listener);
    let failed = client.send(&url, Request::get("/").body(Bytes::new()).unwrap(), BOUNDS).await.unwrap_err();
    assert!(matches!(failed, FetchError::Unreachable(_)), "{failed}");
}

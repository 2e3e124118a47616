//! HTTP/2 towards clients, agreed on in the TLS handshake or known before.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, Version};
use testkit::{
    body,
    certs::Authority,
    client::{Client, request, tool},
    demo,
    origin::{Origin, RawOrigin},
    tls,
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{Forward, Gateway, assert_reply, certificates, responding, with_fields};

#[tokio::test]
async fn tools_speak_it_by_prior_knowledge() {
    let origin = Origin::text("hello").await;
    let gateway = Forward::to(origin.address).start().await;
    let url = format!("http://{}/", gateway.web());
    let curl = ["--http2-prior-knowledge", "--write-out", " %{http_version}", &url];
    assert_eq!(tool::curl(&curl).await.success(), "hello 2");
    assert_eq!(tool::nghttp(&["--no-dep", &url]).await.success(), "hello");
    let h2load = tool::h2load(&["-n", "100", "-c", "2", "-m", "10", &url]).await;
    assert!(h2load.success().contains("100 succeeded, 0 failed"), "{}", h2load.stdout);
}

#[tokio::test]
async fn tools_agree_on_it_by_alpn() {
    let authority = Authority::new();
    let identity = authority.server("web", &["127.0.0.1"]);
    let origin = Origin::text("hello").await;
    let gateway = Forward::to(origin.address).listener(format!("{} }}", certificates(&[&identity]))).start().await;
    let url = format!("https://{}/", gateway.web());
    let ca = authority.ca();
    let ca = ca.to_str().unwrap();
    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let curl = tool::curl(&[option, "--cacert", ca, "--write-out", " %{http_version}", &url]).await;
        assert_eq!(curl.success(), format!("hello {version}"));
    }
    assert_eq!(tool::nghttp(&["--no-dep", &url]).await.success(), "hello");
    let h2load = tool::h2load(&["-n", "100", "-c", "2", "-m", "10", &url]).await;
    assert!(h2load.success().contains("100 succeeded, 0 failed"), "{}", h2load.stdout);

    // Whoever offers nothing gets HTTP/1.1.
    let config = tls::Client::trusting(&authority).build();
    let answer = Client::tls(gateway.web(), "127.0.0.1", config).await.get("/").await;
    assert_eq!((answer.version, answer.text()), (Version::HTTP_11, "hello"));
}

#[tokio::test]
async fn streams_of_one_connection_are_served_at_the_same_time() {
    const STREAMS: usize = 60;
    for upstream in ["protocol: http1", "protocol: h2c"] {
        let together = Arc::new(Barrier::new(STREAMS));
        let origin = Origin::start(move |request| {
            let together = together.clone();
            async move {
                // Nobody is answered before everybody has asked.
                together.wait().await;
                Response::new(body::full(request.uri().path().to_owned()))
            }
        })
        .await;
        let gateway = Forward::to(origin.address).upstream(upstream).start().await;
        let client = gateway.h2c().await;
        let mut asking = JoinSet::new();
        for index in 0..STREAMS {
            let mut client = client.copy();
            asking.spawn(async move {
                let path = format!("/{index}");
                assert_eq!(client.get(&path).await.text(), path);
            });
        }
        asking.join_all().await;
    }
}

#[tokio::test]
async fn bodies_and_trailers_pass_both_ways() {
    let origin = Origin::start(async |request| {
        let body = http_body_util::BodyExt::collect(request.into_body()).await.unwrap();
        let sum = body.trailers().unwrap()["x-sum"].clone();
        let mut response = Response::new(body::with_trailers(body.to_bytes(), &[("x-answer", sum.to_str().unwrap())]));
        response.headers_mut().insert("trailer", "x-answer".parse().unwrap());
        response
    })
    .await;
    let large = Bytes::from(vec![7; 1 << 20]);
    for upstream in ["protocol: http1", "protocol: h2c"] {
        let gateway = Forward::to(origin.address).upstream(upstream).start().await;
        for (version, mut client) in gateway.both().await {
            let fields = [("te", "trailers"), ("trailer", "x-sum")];
            let request = with_fields(Method::POST, "/", &fields);
            let answer = client.fetch(request.map(|_| body::with_trailers(large.clone(), &[("x-sum", "7")]))).await;
            assert_eq!(answer.body.len(), large.len(), "{version} to {upstream}");
            assert_eq!(answer.trailers["x-answer"], "7", "{version} to {upstream}");
        }
        gateway.ended_well(2.0).await;
    }
}

#[tokio::test]
async fn responses_without_a_body_have_none() {
    let routes =
        ["{ name: none, match: { path: /none }, respond: { status: 204 } }", "{ name: a, respond: { body: known } }"];
    let gateway = Gateway::start(&responding(&routes)).await;
    let mut client = gateway.h2c().await;
    let answer = client.get("/none").await;
    assert_eq!((answer.status.as_u16(), answer.body.len(), answer.field("content-length")), (204, 0, None));
    let answer = client.fetch(request(Method::HEAD, "/a")).await;
    assert_eq!((answer.status.as_u16(), answer.body.len(), answer.field("content-length")), (200, 0, Some("5")));
}

#[tokio::test]
async fn connect_needs_a_protocol() {
    let gateway = Gateway::start(&responding(&["{ name: a, respond: {} }"])).await;
    let answer = gateway.h2c().await.fetch(request(Method::CONNECT, "api.example.com:443")).await;
    assert_reply(&answer, 501, "unsupported_method");
}

/// RFC 9113, 8.2.3: a client may divide the field, and what speaks HTTP/1.1 must get it whole.
#[tokio::test]
async fn cookies_that_http2_divided_are_joined() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let gateway = Forward::to(origin.address).start().await;
    let fields = [("cookie", "a=1"), ("cookie", "b=2; c=3"), ("cookie", "d=4")];
    gateway.h2c().await.fetch(with_fields(Method::GET, "/", &fields)).await;
    assert_eq!(origin.next_request().await.fields.all("cookie"), ["a=1; b=2; c=3; d=4"]);
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_stream_along() {
    let origin = demo::events(std::time::Duration::from_millis(1)).await.unwrap();
    let gateway = Forward::to(origin.address).start().await;
    let mut client = gateway.h2c().await;
    let response = client.send(request(Method::GET, "/")).await.unwrap();
    let mut other = client.copy();
    drop(response);
    gateway
        .metrics_until("nothing is under way", |metrics| {
            (metrics.value("sluice_inflight_requests", &[]) == Some(0.0)).then_some(())
        })
        .await;
    assert_eq!(other.get("/?count=1").await.status, 200, "the connection itself is well");
}

//! gRPC: every kind of call, and what a caller is told when the gateway cannot pass a call on.

use std::sync::Arc;

use http::{HeaderMap, Method, Response};
use testkit::{
    PATIENCE, body,
    certs::Authority,
    client::{Client, Grpc},
    demo::{
        self,
        grpc::{Message, Status},
    },
    origin::{Origin, RawConn, RawOrigin},
    tls, within,
};
use tokio::{sync::mpsc, task::JoinSet};

use crate::support::{Forward, certificates, nowhere, with_fields};

const UNAVAILABLE: u32 = 14;
const DEADLINE_EXCEEDED: u32 = 4;
const RESOURCE_EXHAUSTED: u32 = 8;

fn message(text: &str, count: u32) -> Message {
    Message { text: text.into(), count }
}

/// Every kind of call.
async fn converse(grpc: Grpc, what: &str) {
    assert_eq!(grpc.unary(&message("one", 7)).await, Ok(message("one", 7)), "{what}");
    let large = message(&"x".repeat(1 << 20), 1);
    assert_eq!(grpc.unary(&large).await, Ok(large), "{what}");
    let numbered: Vec<_> = (1..=100).map(|count| message("m", count)).collect();
    assert_eq!(grpc.server_stream(&message("m", 100)).await, Ok(numbered), "{what}");
    assert_eq!(grpc.server_stream(&message("m", 0)).await, Ok(vec![]), "{what}");
    assert_eq!(grpc.client_stream(&[message("a", 0), message("b", 0)]).await, Ok(message("a,b", 2)), "{what}");

    let mut bidi = grpc.bidi_stream();
    for count in 1..=10 {
        bidi.send(&message("ping", 0)).await.unwrap();
        assert_eq!(bidi.next().await, Ok(Some(message("ping", count))), "{what}: each answer before the next question");
    }
    bidi.finish();
    assert_eq!(bidi.next().await, Ok(None), "{what}");

    assert_eq!(grpc.fail().await, Err(Status::new(Status::NOT_FOUND, "nothing here, as asked")), "{what}");
    assert_eq!(grpc.call("Nonsense").rest().await.unwrap_err().code, Status::UNIMPLEMENTED, "{what}");
}

#[tokio::test]
async fn every_kind_of_call_over_h2c_and_tls() {
    let authority = Authority::new();
    let identity = authority.server("web", &["grpc.test"]);
    let service = demo::grpc().await.unwrap();
    let forward = Forward::to(service.address).upstream("protocol: h2c");
    let gateway = forward.start().await;
    converse(Grpc::over(gateway.h2c().await), "h2c").await;
    gateway.ended_well(8.0).await;

    let fields = format!("{} }}", certificates(&[&identity]));
    let gateway = Forward::to(service.address).upstream("protocol: h2c").listener(fields).start().await;
    let config = tls::Client::trusting(&authority).alpn(&["h2"]).build();
    converse(Grpc::over(Client::tls(gateway.web(), "grpc.test", config).await), "TLS").await;
}

/// One gateway behind another, so that gRPC goes over TLS towards an endpoint as well.
#[tokio::test]
async fn every_kind_of_call_to_an_endpoint_over_tls() {
    let authority = Authority::new();
    let identity = authority.server("inner", &["grpc.test"]);
    let service = demo::grpc().await.unwrap();
    let fields = format!("{} }}", certificates(&[&identity]));
    let inner = Forward::to(service.address).upstream("protocol: h2c").listener(fields).start().await;
    for protocol in ["h2", "auto"] {
        let tls = format!("tls: {{ ca: \"{}\", server_name: grpc.test }}", authority.ca().display());
        let outer = Forward::to(inner.web()).upstream(format!("protocol: {protocol}, {tls}")).start().await;
        converse(Grpc::over(outer.h2c().await), protocol).await;
    }
}

#[tokio::test]
async fn many_calls_share_a_connection() {
    let service = demo::grpc().await.unwrap();
    let gateway = Forward::to(service.address).upstream("protocol: h2c").start().await;
    let grpc = Arc::new(Grpc::over(gateway.h2c().await));
    let mut calls = JoinSet::new();
    for count in 0..200 {
        let grpc = grpc.clone();
        calls.spawn(async move { assert_eq!(grpc.unary(&message("m", count)).await, Ok(message("m", count))) });
    }
    calls.join_all().await;
}

#[tokio::test]
async fn metadata_passes_both_ways() {
    let origin = Origin::start(async |request| {
        let mut response = Response::new(body::with_trailers("", &[("grpc-status", "0"), ("x-late", "2")]));
        let headers = response.headers_mut();
        for (name, back) in [("x-token", "x-token"), ("x-bin", "x-bin"), ("grpc-timeout", "x-timeout"), ("te", "x-te")]
        {
            headers.insert(back, request.headers()[name].clone());
        }
        headers.insert("content-type", "application/grpc".parse().unwrap());
        response
    })
    .await;
    let gateway = Forward::to(origin.address).upstream("protocol: h2c").start().await;
    let fields = [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("x-token", "secret"),
        ("x-bin", "AAEC"),
        ("grpc-timeout", "5S"),
    ];
    let answer = gateway.h2c().await.fetch(with_fields(Method::POST, "/a.B/C", &fields)).await;
    for (name, value) in [("x-token", "secret"), ("x-bin", "AAEC"), ("x-te", "trailers")] {
        assert_eq!(answer.field(name), Some(value));
    }
    // What is left of the five seconds, in microseconds.
    let left: u64 = answer.field("x-timeout").unwrap().strip_suffix('u').unwrap().parse().unwrap();
    assert!((1..5_000_000).contains(&left), "{left}");
    assert_eq!(
        (&answer.trailers["grpc-status"], &answer.trailers["x-late"]),
        (&"0".parse().unwrap(), &"2".parse().unwrap())
    );
}

#[tokio::test]
async fn failures_of_the_gateway_are_statuses() {
    let silent = RawOrigin::start(async |conn: RawConn| conn.hang().await).await;
    let (_socket, nobody) = nowhere();
    let service = demo::grpc().await.unwrap();
    let h2c = "protocol: h2c";
    let late = "protocol: http1, timeouts: { first_byte: 20ms }";
    for (forward, code, cause) in [
        (Forward::to(nobody).upstream(h2c), UNAVAILABLE, "connect_refused"),
        (Forward::to(silent.address).upstream(late), DEADLINE_EXCEEDED, "response_timeout"),
        (
            Forward::to(service.address).upstream(h2c).route("match: { path: /other }"),
            Status::UNIMPLEMENTED,
            "no_route",
        ),
        (
            Forward::to(service.address).upstream(h2c).listener("limits: { header_count: 1 }"),
            RESOURCE_EXHAUSTED,
            "headers_too_large",
        ),
    ] {
        let gateway = forward.start().await;
        let grpc = Grpc::over(gateway.h2c().await);
        let status = grpc.unary(&message("m", 1)).await.unwrap_err();
        assert_eq!(status.code, code, "{status:?}");
        assert!(status.message.starts_with(cause), "{status:?}");

        // The status is in the head, and there is nothing else.
        let fields = [("content-type", "application/grpc+proto"), ("te", "trailers")];
        let answer = gateway.h2c().await.fetch(with_fields(Method::POST, "/demo.Echo/Unary", &fields)).await;
        assert_eq!((answer.status.as_u16(), answer.field("content-type")), (200, Some("application/grpc")));
        assert_eq!((answer.field("grpc-status"), answer.body.len()), (Some(&*code.to_string()), 0));
        assert_eq!(answer.trailers, HeaderMap::new());
        assert!(answer.field("proxy-status").unwrap().contains(cause), "{:?}", answer.headers);
    }
}

#[tokio::test]
async fn a_call_that_breaks_off_does_not_end_well() {
    let origin = Origin::start(async |_| {
        let (mut sender, body) = body::streamed();
        tokio::spawn(async move {
            sender.send_data(demo::grpc::encode(&message("first", 1))).await.unwrap();
            sender.abort(std::io::Error::other("as planned"));
        });
        let mut response = Response::new(body);
        response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        response
    })
    .await;
    let gateway = Forward::to(origin.address).upstream("protocol: h2c").start().await;
    let mut call = Grpc::over(gateway.h2c().await).call("Unary");
    call.finish();
    assert_eq!(call.rest().await.unwrap_err().code, Status::CANCELLED);
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_call() {
    let (ended, mut endings) = mpsc::unbounded_channel();
    let origin = Origin::start(move |_| {
        let ended = ended.clone();
        let (mut sender, body) = body::streamed();
        tokio::spawn(async move {
            while sender.send_data(demo::grpc::encode(&message("m", 1))).await.is_ok() {}
            ended.send(()).unwrap();
        });
        let mut response = Response::new(body);
        response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        async move { response }
    })
    .await;
    let gateway = Forward::to(origin.address).upstream("protocol: h2c").start().await;
    let grpc = Grpc::over(gateway.h2c().await);
    let mut call = grpc.bidi_stream();
    assert_eq!(call.next().await, Ok(Some(message("m", 1))));
    drop(call);
    within(PATIENCE, endings.recv()).await.unwrap();
}

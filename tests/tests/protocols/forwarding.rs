//! What of a message crosses the gateway, and what the gateway says about itself and the client.

use testkit::{
    client::{Client, request},
    demo,
    origin::RawOrigin,
    wire::{Fields, Wire},
};

use crate::support::{Forward, Gateway, all, with_fields};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Sends a request with these field lines and gives what the endpoint got.
async fn got(wire: &mut Wire, origin: &RawOrigin, fields: &str) -> Fields {
    wire.send(format!("GET /a HTTP/1.1\r\nhost: web.test\r\n{fields}\r\n")).await.unwrap();
    assert_eq!(wire.response().await.unwrap().status, 200, "{fields}");
    origin.next_request().await.fields
}

/// RFC 9110, 7.6.1.
#[tokio::test]
async fn what_concerns_one_hop_stays_there() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    for (fields, gone, kept) in [
        ("connection: keep-alive\r\nkeep-alive: timeout=5\r\n", &["connection", "keep-alive"][..], &[][..]),
        ("proxy-connection: keep-alive\r\n", &["proxy-connection"], &[]),
        (
            "connection: x-one, X-Two\r\nconnection: x-three\r\nx-one: 1\r\nx-two: 2\r\nx-three: 3\r\nx-four: 4\r\n",
            &["connection", "x-one", "x-two", "x-three"],
            &[("x-four", "4")],
        ),
        ("te: gzip, trailers\r\nconnection: te\r\n", &["connection"], &[("te", "trailers")]),
        ("te: gzip\r\n", &["te"], &[]),
        ("upgrade: h2c\r\nconnection: upgrade\r\n", &["upgrade", "connection"], &[]),
        ("expect: 100-continue\r\n", &["expect"], &[]),
        // Whoever names these wants them lost, not hidden.
        (
            "connection: authorization, cookie, x-forwarded-for, via\r\nauthorization: a\r\ncookie: b=c\r\n",
            &["connection"],
            &[("authorization", "a"), ("cookie", "b=c"), ("x-forwarded-for", "127.0.0.1"), ("via", "1.1 sluice")],
        ),
        (
            "x-a: 1\r\nx-a: 2\r\nx-empty:\r\nX-Case: Kept As It Is\r\n",
            &[],
            &[("x-empty", ""), ("x-case", "Kept As It Is")],
        ),
    ] {
        let got = got(&mut wire, &origin, fields).await;
        for name in gone {
            assert!(!got.has(name), "{name} after {fields}: {got:?}");
        }
        for (name, value) in kept {
            assert_eq!(got.one(name), Some(*value), "{name} after {fields}");
        }
    }
    let lines = got(&mut wire, &origin, "x-a: 1\r\nx-b: 0\r\nx-a: 2\r\n").await;
    assert_eq!(lines.all("x-a"), ["1", "2"], "lines of one name keep their order");
}

#[tokio::test]
async fn answers_lose_and_keep_the_same() {
    let origin = RawOrigin::answering(
        "HTTP/1.1 200 Splendid\r\nconnection: x-internal, keep-alive\r\nkeep-alive: timeout=5\r\nx-internal: 1\r\n\
         proxy-connection: close\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nserver: origin\r\nvia: 1.1 cache\r\n\
         date: Mon, 01 Jan 2024 00:00:00 GMT\r\ncontent-length: 2\r\n\r\nok",
    )
    .await;
    let gateway = Forward::to(origin.address).start().await;
    for (version, mut client) in gateway.both().await {
        let answer = client.get("/").await;
        for name in ["connection", "keep-alive", "x-internal", "proxy-connection", "transfer-encoding"] {
            assert_eq!(answer.field(name), None, "{version}");
        }
        assert_eq!(all(&answer, "set-cookie"), ["a=1", "b=2"], "{version}");
        assert_eq!(all(&answer, "via"), ["1.1 cache", "1.1 sluice"], "{version}");
        assert_eq!(answer.field("server"), Some("origin"), "{version}");
        assert_eq!(all(&answer, "date"), ["Mon, 01 Jan 2024 00:00:00 GMT"], "{version}");
    }
}

#[tokio::test]
async fn via_tells_the_version_of_each_hop() {
    let echo = demo::echo().await.unwrap();
    for (protocol, answered) in [("http1", "1.1 sluice"), ("h2c", "2 sluice")] {
        let gateway = Forward::to(echo.address).upstream(format!("protocol: {protocol}")).start().await;
        for (asked, mut client) in [("1.1 sluice", gateway.http1().await), ("2 sluice", gateway.h2c().await)] {
            let answer = client.fetch(with_fields(http::Method::GET, "/", &[("via", "1.0 fred")])).await;
            assert_eq!(said(&answer.json(), "via"), ["1.0 fred", asked], "to {protocol}");
            assert_eq!(answer.field("via"), Some(answered), "{asked} to {protocol}");
        }
    }
    let gateway = Forward::to(echo.address).start().await;
    let mut old = gateway.wire().await;
    old.send("GET / HTTP/1.0\r\nhost: web.test\r\n\r\n").await.unwrap();
    let response = old.response().await.unwrap();
    assert_eq!(said(&response.json(), "via"), ["1.0 sluice"]);

    let gateway = Forward::to(echo.address).gateway("forwarded: { via: false }").start().await;
    let answer = gateway.http1().await.get("/").await;
    assert_eq!((said(&answer.json(), "via"), answer.field("via")), (vec![], None));
}

/// The values of a field that the echo service received.
fn said(echo: &serde_json::Value, name: &str) -> Vec<String> {
    let pairs = echo["headers"].as_array().unwrap().iter();
    pairs.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

/// A request that has been through this gateway too often goes round in circles.
#[tokio::test]
async fn circles_are_noticed() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    for (hops, status) in [(7, 200), (8, 508)] {
        let via = vec!["1.1 sluice"; hops].join(", ");
        wire.send(format!("GET / HTTP/1.1\r\nhost: x\r\nvia: {via}\r\n\r\n")).await.unwrap();
        assert_eq!(wire.response().await.unwrap().status, status, "{hops}");
    }
}

const CLAIMS: &str = "x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\nx-forwarded-host: shop.test\r\n\
                      forwarded: for=203.0.113.9;proto=https\r\n";

#[tokio::test]
async fn strangers_are_described_and_friends_are_believed() {
    let origin = RawOrigin::answering(OK).await;
    let trusting = "trusted_proxies: [127.0.0.0/8]";
    let forwarded = "forwarded: { forwarded: true }";
    let silent = "forwarded: { x_forwarded: false }";
    let own = "for=127.0.0.1;proto=http;host=\"web.test\"";
    for (fields, x_for, x_proto, x_host, element) in [
        (&[][..], Some("127.0.0.1"), Some("http"), Some("web.test"), None),
        (
            &[trusting],
            Some("203.0.113.9, 127.0.0.1"),
            Some("https"),
            Some("shop.test"),
            Some("for=203.0.113.9;proto=https"),
        ),
        (&[forwarded], Some("127.0.0.1"), Some("http"), Some("web.test"), Some(own)),
        (
            &[trusting, forwarded],
            Some("203.0.113.9, 127.0.0.1"),
            Some("https"),
            Some("shop.test"),
            Some("for=203.0.113.9;proto=https, for=127.0.0.1;proto=http;host=\"web.test\""),
        ),
        (&[silent], None, None, None, None),
    ] {
        let forward = fields.iter().fold(Forward::to(origin.address), |forward, fields| forward.gateway(*fields));
        let gateway = forward.start().await;
        let got = got(&mut gateway.wire().await, &origin, CLAIMS).await;
        let told = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"].map(|name| got.one(name));
        assert_eq!(told, [x_for, x_proto, x_host, element], "{fields:?}");
    }
}

/// Several lines are one list, and the trusted end of it is its last.
#[tokio::test]
async fn lists_are_continued_whole() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).gateway("trusted_proxies: [127.0.0.1]").start().await;
    let lines = "x-forwarded-for: 203.0.113.9, 192.0.2.1\r\nx-forwarded-for: 198.51.100.1\r\n";
    let got = got(&mut gateway.wire().await, &origin, lines).await;
    assert_eq!(got.all("x-forwarded-for"), ["203.0.113.9, 192.0.2.1, 198.51.100.1, 127.0.0.1"]);
}

#[tokio::test]
async fn the_host_is_what_the_upstream_wants() {
    let echo = demo::echo().await.unwrap();
    let address = echo.address.to_string();
    for protocol in ["http1", "h2c"] {
        for (host, expected) in
            [("preserve", "web.test:8080"), ("endpoint", &*address), ("{ set: users.internal }", "users.internal")]
        {
            let fields = format!("protocol: {protocol}, host: {host}");
            let gateway = Forward::to(echo.address).upstream(&fields).start().await;
            for (version, client) in gateway.both().await {
                let mut client = client.authority("Web.Test:8080");
                let echo = client.get("/").await.json();
                let seen = match protocol {
                    "http1" => said(&echo, "host"),
                    _ => vec![echo["authority"].as_str().unwrap().to_owned()],
                };
                assert_eq!(seen, [expected], "{version}, {fields}");
                assert_eq!(said(&echo, "x-forwarded-host"), ["web.test:8080"], "{version}, {fields}");
            }
        }
    }
}

#[tokio::test]
async fn targets_pass_as_they_are_meant() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    for (target, forwarded) in [
        ("/a%20b?c=d%2Fe&f=g+h&&i", "/a%20b?c=d%2Fe&f=g+h&&i"),
        ("/a?", "/a?"),
        ("/a?/../b", "/a?/../b"),
        ("/a/./b//c/../d", "/a/b/d"),
        ("/%7Ea/%c3%a9;v=1", "/~a/%C3%A9;v=1"),
        ("/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="),
    ] {
        wire.send(format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n")).await.unwrap();
        assert_eq!(wire.response().await.unwrap().status, 200, "{target}");
        assert_eq!(origin.next_request().await.target, forwarded);
    }
}

#[tokio::test]
async fn values_pass_octet_by_octet() {
    let origin = RawOrigin::answering(&b"HTTP/1.1 200 OK\r\nx-latin: caf\xe9\r\ncontent-length: 0\r\n\r\n"[..]).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\nx-utf8: caf\xc3\xa9\r\nx-tab: a\tb\r\n\r\n").await.unwrap();
    assert_eq!(wire.response().await.unwrap().field("x-latin"), Some("caf\u{e9}"));
    let request = origin.next_request().await;
    assert_eq!((request.fields.one("x-utf8"), request.fields.one("x-tab")), (Some("caf\u{c3}\u{a9}"), Some("a\tb")));
}

/// One gateway behind another is what each hop should look like to the next.
#[tokio::test]
async fn gateways_can_be_chained() {
    let echo = demo::echo().await.unwrap();
    let inner: Gateway =
        Forward::to(echo.address).gateway("trusted_proxies: [127.0.0.1]").upstream("protocol: h2c").start().await;
    let outer = Forward::to(inner.web()).upstream("protocol: h2c").start().await;
    let mut client: Client = outer.http1().await.authority("web.test");
    let answer = client.fetch(request(http::Method::GET, "/a")).await;
    assert_eq!(said(&answer.json(), "x-forwarded-for"), ["127.0.0.1, 127.0.0.1"]);
    assert_eq!(said(&answer.json(), "via"), ["1.1 sluice", "2 sluice"]);
    assert_eq!(answer.json()["authority"], "web.test");
    assert_eq!(all(&answer, "via"), ["2 sluice", "2 sluice"]);
}

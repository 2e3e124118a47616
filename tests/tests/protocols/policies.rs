//! The first policies, on requests and responses of a running gateway.

use std::{io::Write as _, time::Duration};

use flate2::write::GzDecoder;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use testkit::{
    PATIENCE, body,
    client::{self, Answer, Client, request, tool},
    demo,
    origin::{Origin, RawOrigin},
    within,
};

use crate::support::{Forward, Gateway, all, assert_reply, nowhere, with_fields};

#[tokio::test]
async fn headers_change_both_ways_wherever_a_response_comes_from() {
    let origin = RawOrigin::answering(
        "HTTP/1.1 200 OK\r\nserver: secret\r\nx-a: 1\r\nx-b: 1\r\nlink: </0>\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let policy = "headers: { request: { remove: [x-debug], set: { x-tenant: acme }, add: { x-list: [b, c] } }, \
                  response: { remove: [server, x-a], set: { x-b: \"2\" }, add: { link: [\"</1>\", \"</2>\"] } } }";
    let gateway = Forward::to(origin.address)
        .gateway(format!("policies: [{{ {policy} }}]"))
        .route("match: { path: /known }")
        .start()
        .await;
    for (version, mut client) in gateway.both().await {
        let fields = [("x-debug", "1"), ("x-tenant", "other"), ("x-list", "a")];
        let answer = client.fetch(with_fields(Method::GET, "/known", &fields)).await;
        let got = origin.next_request().await.fields;
        assert_eq!((got.all("x-debug"), got.all("x-tenant")), (vec![], vec!["acme"]), "{version}");
        assert_eq!(got.all("x-list"), ["a", "b", "c"], "{version}");
        assert_eq!((answer.field("server"), answer.field("x-a"), answer.field("x-b")), (None, None, Some("2")));
        assert_eq!(all(&answer, "link"), ["</0>", "</1>", "</2>"], "{version}");

        let own = client.get("/unknown").await;
        assert_reply(&own, 404, "no_route");
        assert_eq!((own.field("x-b"), all(&own, "link")), (Some("2"), vec!["</1>", "</2>"]), "{version}");
    }
}

#[tokio::test]
async fn policies_are_taken_from_all_levels() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let adding = |level: &str| format!("policies: [{{ headers: {{ request: {{ add: {{ x-level: {level} }} }} }} }}]");
    let gateway = Forward::to(origin.address)
        .gateway(adding("gateway"))
        .listener(adding("listener"))
        .route(adding("route"))
        .upstream(adding("upstream"))
        .start()
        .await;
    assert_eq!(client::get(gateway.web(), "/").await.status, 200);
    assert_eq!(origin.next_request().await.fields.all("x-level"), ["gateway", "listener", "route", "upstream"]);
}

const CORS: &str = "policies: [{ cors: { origins: [\"https://*.shop.test\"], methods: [GET, PUT], headers: [x-token], \
                    expose: [x-total], credentials: true, max_age: 10m } }]";

async fn with_cors(level: fn(Forward, &'static str) -> Forward) -> (Gateway, RawOrigin) {
    let origin = RawOrigin::answering(
        "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\nvary: accept\r\ncontent-length: 2\r\n\r\nok",
    )
    .await;
    let forward = Forward::to(origin.address).route("match: { path: { prefix: /known }, methods: [GET, PUT] }");
    (level(forward, CORS).start().await, origin)
}

async fn asked(client: &mut Client, method: Method, target: &str, fields: &[(&str, &str)]) -> Answer {
    client.fetch(with_fields(method, target, fields)).await
}

const PREFLIGHT: &[(&str, &str)] = &[
    ("origin", "https://a.shop.test"),
    ("access-control-request-method", "PUT"),
    ("access-control-request-headers", "x-token"),
];

/// Browsers ask with OPTIONS on behalf of another method; the route is the one of that method, and nobody behind the
/// gateway hears of it.
#[tokio::test]
async fn cors_answers_preflights_itself() {
    for level in [Forward::gateway as fn(Forward, &'static str) -> Forward, Forward::route] {
        let (gateway, origin) = with_cors(level).await;
        for (version, mut client) in gateway.both().await {
            let answer = asked(&mut client, Method::OPTIONS, "/known/a", PREFLIGHT).await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0), "{version}");
            for (name, value) in [
                ("access-control-allow-origin", "https://a.shop.test"),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", "GET, PUT"),
                ("access-control-allow-headers", "x-token"),
                ("access-control-max-age", "600"),
            ] {
                assert_eq!(answer.field(name), Some(value), "{version}: {:?}", answer.headers);
            }
            assert!(all(&answer, "vary").join(",").to_ascii_lowercase().contains("origin"), "{version}");

            let stranger = [("origin", "https://evil.test"), ("access-control-request-method", "PUT")];
            let answer = asked(&mut client, Method::OPTIONS, "/known/a", &stranger).await;
            assert_eq!(answer.field("access-control-allow-origin"), None, "{version}");
        }
        assert_eq!(origin.counts.requests(), 0);
    }
}

#[tokio::test]
async fn cors_marks_answers_of_endpoints_and_of_the_gateway() {
    let (gateway, _origin) = with_cors(Forward::gateway).await;
    for (version, mut client) in gateway.both().await {
        for (target, status) in [("/known", 200), ("/unknown", 404)] {
            let answer = asked(&mut client, Method::GET, target, &[("origin", "https://a.shop.test")]).await;
            assert_eq!(answer.status, status, "{version}");
            assert_eq!(all(&answer, "access-control-allow-origin"), ["https://a.shop.test"], "{version}: {target}");
            assert_eq!(answer.field("access-control-expose-headers"), Some("x-total"), "{version}: {target}");

            let answer = asked(&mut client, Method::GET, target, &[("origin", "https://evil.test")]).await;
            assert_eq!(answer.status, status, "{version}");
            assert_eq!(answer.field("access-control-allow-origin"), None, "{version}: {target}");
            let vary = all(&answer, "vary").join(",").to_ascii_lowercase();
            assert!(vary.contains("origin"), "{version}: caches must not mix them up: {vary}");
        }
    }

    let (_socket, nobody) = nowhere();
    let gateway = Forward::to(nobody).route(CORS).start().await;
    let mut client = gateway.http1().await;
    let answer = asked(&mut client, Method::GET, "/", &[("origin", "https://a.shop.test")]).await;
    assert_reply(&answer, 502, "connect_refused");
    assert_eq!(answer.field("access-control-allow-origin"), Some("https://a.shop.test"));
}

#[tokio::test]
async fn the_request_id_goes_both_ways() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let given = [("x-request-id", "given-by-somebody")];
    for (trust, kept) in [("[]", false), ("[127.0.0.1]", true)] {
        let gateway = Forward::to(origin.address)
            .gateway(format!("trusted_proxies: {trust}, policies: [{{ request_id: {{}} }}]"))
            .route("match: { path: /known }")
            .start()
            .await;
        let mut ids = Vec::new();
        for (version, mut client) in gateway.both().await {
            let answer = asked(&mut client, Method::GET, "/known", &given).await;
            let id = origin.next_request().await.fields.one("x-request-id").unwrap().to_owned();
            assert_eq!(answer.field("x-request-id"), Some(&*id), "{version}");
            assert_eq!(id == given[0].1, kept, "{version}: {id}");
            ids.push(id);
            let own = asked(&mut client, Method::GET, "/unknown", &given).await;
            assert_reply(&own, 404, "no_route");
            assert_eq!(own.field("x-request-id") == Some(given[0].1), kept, "{version}");
        }
        assert_eq!(ids[0] == ids[1], kept, "one for each");
    }

    let policy = "policies: [{ request_id: { header: x-trace, response: false } }]";
    let gateway = Forward::to(origin.address).route(policy).start().await;
    let answer = client::get(gateway.web(), "/").await;
    assert_eq!((answer.field("x-trace"), answer.field("x-request-id")), (None, None));
    assert!(origin.next_request().await.fields.has("x-trace"));
}

fn text() -> String {
    (0..2000).map(|line| format!("line {line} of a text that is much the same all over\n")).collect()
}

#[tokio::test]
async fn compressed_answers_are_what_curl_understands() {
    let text = text();
    let content = text.clone();
    let origin = Origin::start(move |request| {
        let content = content.clone();
        async move {
            let mut response = Response::new(match request.uri().path() {
                "/chunks" => body::chunks(content.as_bytes().chunks(1000).map(<[u8]>::to_vec).collect::<Vec<_>>()),
                _ => body::full(content),
            });
            let kind = if request.uri().path() == "/image" { "image/png" } else { "text/plain" };
            response.headers_mut().insert("content-type", kind.parse().unwrap());
            response.headers_mut().insert("etag", "\"strong\"".parse().unwrap());
            response
        }
    })
    .await;
    let gateway = Forward::to(origin.address).route("policies: [{ compress: {} }]").start().await;
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for (accepted, coding) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("zstd", "zstd"),
            ("gzip, br, zstd", "zstd"),
            ("gzip;q=1, br;q=0.5", "gzip"),
        ] {
            for path in ["/", "/chunks"] {
                let url = format!("http://{}{path}", gateway.web());
                let accept = format!("accept-encoding: {accepted}");
                let arguments = [
                    version,
                    "--compressed",
                    "--header",
                    &accept,
                    "--write-out",
                    "\n%header{content-encoding} %{size_download}",
                    &url,
                ];
                let curl = tool::curl(&arguments).await;
                let (got, told) = curl.success().rsplit_once('\n').unwrap();
                let (told, size) = told.split_once(' ').unwrap();
                assert!(got == text, "{version} {accepted} {path}: {} instead of {} bytes", got.len(), text.len());
                assert_eq!(told, coding, "{version} {path}");
                assert!(size.parse::<usize>().unwrap() < text.len() / 5, "{version} {accepted} {path}: {size}");
            }
        }
    }
    for (version, mut client) in gateway.both().await {
        for (path, accepted) in [("/", "identity"), ("/image", "gzip"), ("/", "gzip;q=0")] {
            let answer = client.fetch(with_fields(Method::GET, path, &[("accept-encoding", accepted)])).await;
            assert_eq!((answer.field("content-encoding"), answer.body.len()), (None, text.len()), "{version} {path}");
        }
        let answer = client.fetch(with_fields(Method::GET, "/", &[("accept-encoding", "gzip")])).await;
        assert_eq!(
            (answer.field("content-encoding"), answer.field("content-length")),
            (Some("gzip"), None),
            "{version}"
        );
        assert_eq!(answer.field("etag"), Some("W/\"strong\""), "{version}: other octets, same meaning");
        assert!(all(&answer, "vary").join(",").to_ascii_lowercase().contains("accept-encoding"), "{version}");
        let answer = client.fetch(with_fields(Method::HEAD, "/", &[("accept-encoding", "gzip")])).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0), "{version}");
    }
}

/// Each event comes out before the next one is made, and can be read: the coder is flushed, not ended.
#[tokio::test]
async fn compressed_events_are_not_delayed() {
    let events = demo::events(Duration::from_secs(3600)).await.unwrap();
    let gateway = Forward::to(events.address).route("policies: [{ compress: {} }]").start().await;
    for (version, mut client) in gateway.both().await {
        let asking = with_fields(Method::GET, "/", &[("accept-encoding", "gzip")]);
        let (head, mut answer) = client.send(asking).await.unwrap().into_parts();
        assert_eq!(head.headers["content-encoding"], "gzip", "{version}");
        let mut decoder = GzDecoder::new(Vec::new());
        // The second event would come in an hour.
        while !decoder.get_ref().ends_with(b"data: {\"tick\":1}\n\n") {
            let frame = within(PATIENCE, answer.frame()).await.unwrap().unwrap();
            decoder.write_all(&frame.into_data().unwrap()).unwrap();
            decoder.flush().unwrap();
        }
    }
}

/// A policy that answers by itself leaves the connection usable, also when the request has a body.
#[tokio::test]
async fn answers_of_policies_keep_the_connection() {
    let (gateway, origin) = with_cors(Forward::route).await;
    let mut client = gateway.http1().await;
    for _ in 0..2 {
        assert_eq!(asked(&mut client, Method::OPTIONS, "/known", PREFLIGHT).await.status, 204);
        assert_eq!(client.fetch(request(Method::GET, "/known")).await.text(), "ok");
    }
    assert_eq!(origin.counts.requests(), 2);
}

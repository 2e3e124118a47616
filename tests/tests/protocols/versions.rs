//! Versions of an API: where requests name them, what responses say about old ones, and how they end.

use http::{Method, Response};
use testkit::{body, client::Answer, client::Client, origin::Origin};

use crate::support::{Gateway, all, assert_reply, with_fields};

/// Answers with its name and the path that it got; where `?own` asks for it, with words of its own about its age.
async fn origin(name: &'static str) -> Origin {
    Origin::start(move |request| async move {
        let mut response = Response::new(body::full(format!("{name} {}", request.uri().path())));
        if request.uri().query() == Some("own") {
            for (field, value) in
                [("deprecation", "@7"), ("link", "</own>; rel=\"deprecation\""), ("vary", "accept, x-version")]
            {
                response.headers_mut().append(field, value.parse().unwrap());
            }
        }
        response
    })
    .await
}

async fn ask(client: &mut Client, target: &str, fields: &[(&str, &str)]) -> Answer {
    client.fetch(with_fields(Method::GET, target, fields)).await
}

#[tokio::test]
async fn versions_are_named_in_four_places() {
    let (one, two) = (origin("one").await, origin("two").await);
    let gateway = Gateway::start(&format!(
        r#"listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - name: api
    endpoints: [{{ address: "{}", labels: {{ version: v1 }} }}, {{ address: "{}", labels: {{ version: v2 }} }}]
routes:
  - name: api
    match: {{ path: {{ regex: "^(/v(?P<version>[0-9]+))?(?P<rest>/.*)$" }} }}
    policies: [{{ headers: {{ response: {{ set: {{ x-route: api }} }} }} }}]
    rewrite: {{ path: "/internal{{rest}}" }}
    versions:
      from: [{{ header: X-Version }}, {{ query: v }}, {{ media_type: version }}, {{ media_type: "application/vnd.acme.v{{version}}+json" }}, {{ path: version }}]
      known:
        - {{ name: "1", upstream: api, labels: {{ version: v1 }} }}
        - {{ name: "2", upstream: api, labels: {{ version: v2 }} }}
"#,
        one.address, two.address
    ))
    .await;
    for (protocol, mut client) in gateway.both().await {
        for (target, fields, expected) in [
            ("/a", &[("x-version", "1")][..], "one /internal/a"),
            ("/a", &[("x-version", "2")], "two /internal/a"),
            ("/a?v=1", &[], "one /internal/a"),
            ("/a?v=2", &[], "two /internal/a"),
            ("/a", &[("accept", "text/html, application/json; version=2")], "two /internal/a"),
            ("/a", &[("accept", "application/vnd.acme.v1+json")], "one /internal/a"),
            ("/v2/a", &[], "two /internal/a"),
            ("/v1/a?v=2", &[], "two /internal/a"),
            ("/v1/a?v=2", &[("x-version", "1")], "one /internal/a"),
        ] {
            let answer = ask(&mut client, target, fields).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (200, expected), "{protocol} {target} {fields:?}");
            assert_eq!(all(&answer, "vary"), ["x-version", "accept"], "{protocol} {target}");
            assert_eq!((answer.field("deprecation"), answer.field("sunset")), (None, None));
        }
        // A refusal meets the policies of the route, so that they can say what they say of every answer.
        let answer = ask(&mut client, "/a", &[]).await;
        assert_reply(&answer, 400, "version_required");
        assert_eq!(answer.field("x-route"), Some("api"), "{protocol}");
        let answer = ask(&mut client, "/v3/a", &[]).await;
        assert_reply(&answer, 400, "unknown_version");
        assert_eq!(
            answer.json()["detail"],
            "the `{version}` of the path names a version that is not known; there are `1`, `2`"
        );
        assert_eq!(answer.field("x-route"), Some("api"), "{protocol}");
    }
    assert_eq!(one.counts.requests() + two.counts.requests(), 18, "what is refused reaches nobody");
}

#[tokio::test]
async fn old_versions_say_so_and_end() {
    let (one, two) = (origin("one").await, origin("two").await);
    let gateway = Gateway::start(&format!(
        r#"listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: one, endpoints: ["{}"] }}
  - {{ name: two, endpoints: ["{}"] }}
routes:
  - name: api
    versions:
      from: [{{ header: x-version }}]
      default: "2"
      known:
        - {{ name: "0", upstream: one, deprecated: 2019-01-01, sunset: 2020-01-01, link: /docs/0 }}
        - {{ name: "1", upstream: one, deprecated: 2026-06-01, sunset: "9999-12-31T23:59:59Z", link: "https://a.example/1" }}
        - {{ name: "2", upstream: two }}
"#,
        one.address, two.address
    ))
    .await;
    for (protocol, mut client) in gateway.both().await {
        let answer = ask(&mut client, "/", &[]).await;
        assert_eq!(
            (answer.text(), answer.field("deprecation"), answer.field("link")),
            ("two /", None, None),
            "{protocol}"
        );
        assert_eq!(answer.field("vary"), Some("x-version"), "{protocol}");

        let answer = ask(&mut client, "/", &[("x-version", "1")]).await;
        assert_eq!(answer.text(), "one /", "{protocol}");
        assert_eq!(answer.field("deprecation"), Some("@1780272000"), "{protocol}");
        assert_eq!(answer.field("sunset"), Some("Fri, 31 Dec 9999 23:59:59 GMT"), "{protocol}");
        let links = ["<https://a.example/1>; rel=\"deprecation\"", "<https://a.example/1>; rel=\"sunset\""];
        assert_eq!(all(&answer, "link"), links, "{protocol}");

        let answer = ask(&mut client, "/?own", &[("x-version", "1")]).await;
        assert_eq!(all(&answer, "deprecation"), ["@7"], "{protocol}: the service knows better");
        assert_eq!(all(&answer, "link"), ["</own>; rel=\"deprecation\"", links[1]], "{protocol}");
        assert_eq!(all(&answer, "vary"), ["accept, x-version"], "{protocol}");

        let answer = ask(&mut client, "/", &[("x-version", "0")]).await;
        assert_reply(&answer, 410, "version_expired");
        assert_eq!(
            answer.json()["detail"],
            "version `0` ended at Wed, 01 Jan 2020 00:00:00 GMT; there are `1`, `2`",
            "{protocol}"
        );
        assert_eq!(answer.field("deprecation"), Some("@1546300800"), "{protocol}");
        assert_eq!(answer.field("sunset"), Some("Wed, 01 Jan 2020 00:00:00 GMT"), "{protocol}");
        assert_eq!(all(&answer, "link"), ["</docs/0>; rel=\"deprecation\"", "</docs/0>; rel=\"sunset\""], "{protocol}");
    }
    let counted = gateway.metrics_until("all are counted", |metrics| {
        let of = |side| metrics.value("sluice_split_requests_total", &[("route", "api"), ("side", side)]);
        (metrics.value("sluice_requests_total", &[]) == Some(8.0)).then(|| [of("0"), of("1"), of("2")])
    });
    assert_eq!(counted.await, [Some(2.0), Some(4.0), Some(2.0)]);
}

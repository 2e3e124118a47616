//! A real Prometheus scrapes a gateway, and its figures are those of what was sent.

use http::{HeaderValue, Method, header};
use serde_json::Value;
use testkit::{
    client::{self, Answer, Client, request},
    eventually,
    gateway::Process,
    prometheus::Prometheus,
};

// tidy-allow fixed-port: nobody listens there
const DOCUMENT: &str = r#"
gateway: { workers: 2, admin: { address: "127.0.0.1:0" } }
listeners: [{ name: web, address: "127.0.0.1:0" }]
upstreams: [{ name: gone, endpoints: ["127.0.0.1:1"] }]
routes:
  - { name: ping, match: { path: /ping }, respond: { body: pong } }
  - { name: gone, match: { path: /gone }, upstream: gone }
"#;

#[tokio::test]
async fn figures_are_those_of_what_was_sent() {
    let gateway = Process::start(DOCUMENT).await;
    let prometheus = Prometheus::scraping(gateway.admin()).await;
    for (path, times) in [("/ping", 12), ("/gone", 3), ("/nowhere", 2)] {
        for _ in 0..times {
            client::get(gateway.address("web"), path).await;
        }
    }
    for (query, value) in [
        (r#"sum(sluice_requests_total{route="ping", code_class="2xx"})"#, 12.0),
        (r#"sum(sluice_requests_total{route="gone", code_class="5xx"})"#, 3.0),
        (r#"sum(sluice_requests_caused_total{cause="connect_refused"})"#, 3.0),
        (r#"sum(sluice_requests_total{route="_none"})"#, 2.0),
        (r#"sum(sluice_overhead_seconds_count{route="ping"})"#, 12.0),
        // A quantile needs buckets that make sense to Prometheus.
        (r#"(histogram_quantile(0.99, sum by (le) (sluice_overhead_seconds_bucket)) > bool 0) + 0"#, 1.0),
        ("count(sluice_build_info)", 1.0),
        ("up", 1.0),
    ] {
        prometheus.until(query, value).await;
    }
    assert_eq!(prometheus.last_error().await, "");
}

/// What the gateway remembers of the last minutes is what Prometheus reads.
#[tokio::test]
async fn the_last_minutes_are_those_of_prometheus() {
    let gateway = Process::start(DOCUMENT).await;
    let prometheus = Prometheus::scraping(gateway.admin()).await;
    // The first look at a route says nothing of when its requests came.
    for route in ["ping", "gone"] {
        client::get(gateway.address("web"), &format!("/{route}")).await;
        eventually("the first look", async || points(&gateway, route).await.map(drop)).await;
    }
    for (path, times) in [("/ping", 40), ("/gone", 10)] {
        for _ in 0..times {
            client::get(gateway.address("web"), path).await;
        }
    }
    for (route, requests, failed) in [("ping", 40, 0), ("gone", 10, 10)] {
        let sums = async || {
            let points = points(&gateway, route).await?;
            let sum = |key: &str| points.iter().filter_map(|point| point[key].as_u64()).sum::<u64>();
            ((sum("requests"), sum("failed")) == (requests, failed)).then_some(())
        };
        eventually("as many requests as were sent", sums).await;
        let all = requests as f64 + 1.0;
        prometheus.until(&format!(r#"sum(sluice_requests_total{{route="{route}"}})"#), all).await;
    }
    let busiest = ask(&gateway, "/top?of=route&most=1").await;
    assert_eq!(busiest.json()["top"][0]["name"], "ping");
}

async fn points(gateway: &Process, route: &str) -> Option<Vec<Value>> {
    let answer = ask(gateway, &format!("/series?of=route&name={route}")).await;
    answer.status.is_success().then(|| answer.json()["points"].as_array().unwrap().clone())
}

async fn ask(gateway: &Process, path: &str) -> Answer {
    let mut asked = request(Method::GET, &format!("/api/v1{path}"));
    let credentials = HeaderValue::try_from(format!("Bearer {}", gateway.token())).unwrap();
    asked.headers_mut().insert(header::AUTHORIZATION, credentials);
    Client::http1(gateway.admin()).await.fetch(asked).await
}

//! A real Prometheus scrapes a gateway, and its figures are those of what was sent.

use std::net::SocketAddr;

use http::Response;
use serde_json::Value;
use testkit::{body, client, eventually, gateway::Process, origin::Origin, prometheus::Prometheus};

use crate::asking::Operator;

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
    eventually("it finds no fault", async || prometheus.last_error().await.is_empty().then_some(())).await;
}

/// Two upstreams with two endpoints between them, of which one answers late, and a route where some requests wait.
fn busy(good: SocketAddr, late: SocketAddr) -> String {
    format!(
        r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: good, endpoints: ["{good}"] }}
  - {{ name: both, endpoints: ["{good}", "{late}"] }}
routes:
  - {{ name: good, match: {{ path: /good }}, upstream: good }}
  - {{ name: both, match: {{ path: /both }}, upstream: both }}
  - {{ name: waiting, match: {{ path: /waiting }}, policies: [{{ fault: {{ delay: {{ for: 20ms, share: 50% }} }} }}], respond: {{ body: pong }} }}
"#
    )
}

/// Every figure of the live view is that of Prometheus, within one per cent: of routes, upstreams and all together. Those of
/// endpoints, of which Prometheus has none, add up to those of their upstream.
#[tokio::test]
async fn figures_of_the_live_view_are_those_of_prometheus() {
    let good = Origin::text("good").await;
    let late = Origin::start(async |_| {
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        Response::builder().status(500).body(body::empty()).unwrap()
    })
    .await;
    let gateway = Process::start(&busy(good.address, late.address)).await;
    let prometheus = Prometheus::scraping(gateway.admin()).await;
    // The very first look says nothing of when requests came.
    let looked = async || Operator::of(&gateway).get("/series").await.status.is_success().then_some(());
    eventually("the first look", looked).await;
    for (path, times) in [("/good", 60), ("/both", 80), ("/waiting", 40)] {
        for _ in 0..times {
            client::get(gateway.address("web"), path).await;
        }
    }
    let is_seen = async || (live(&gateway, "gateway", "").await?["requests"] == 180).then_some(());
    eventually("all requests are seen live", is_seen).await;
    // At once: whoever asks Prometheus one question after the other may take longer than requests are live.
    let mut all_live = Vec::new();
    for (of, name) in [
        ("gateway", ""),
        ("route", "good"),
        ("route", "both"),
        ("route", "waiting"),
        ("upstream", "good"),
        ("upstream", "both"),
    ] {
        all_live.push((of, name, live(&gateway, of, name).await.unwrap()));
    }
    prometheus.until("sum(sluice_requests_total)", 180.0).await;

    for (of, name, live) in all_live {
        let (count, failed, buckets) = families(of, name);
        let quantile = |share| format!("histogram_quantile({share}, sum by (le) ({buckets}))");
        for (key, query) in [
            ("requests", format!("sum({count})")),
            ("failed", format!("sum({failed}) or vector(0)")),
            ("requests_per_second", format!("sum({count}) / 60")),
            ("p50_seconds", quantile(0.5)),
            ("p95_seconds", quantile(0.95)),
            ("p99_seconds", quantile(0.99)),
        ] {
            let expected = prometheus.value(&query).await.unwrap_or_else(|| panic!("nothing for {query}"));
            let told = live[key].as_f64().unwrap();
            assert!((told - expected).abs() <= 0.01 * expected, "{key} of {of} `{name}` is {told}, not {expected}");
        }
    }

    let endpoints = [good.address, late.address].map(|address| format!("both/{address}"));
    let sum = async |key: &str| {
        let mut sum = 0.0;
        for name in &endpoints {
            sum += live(&gateway, "endpoint", name).await?[key].as_f64()?;
        }
        Some(sum)
    };
    for (key, least) in [("requests", 80.0), ("failed", 1.0)] {
        let told = live(&gateway, "upstream", "both").await.unwrap()[key].as_f64();
        assert!(told >= Some(least), "{key}: {told:?}");
        let equal = async || (sum(key).await == told).then_some(());
        eventually(&format!("{key} of both endpoints"), equal).await;
    }
    let p50 = live(&gateway, "endpoint", &endpoints[1]).await.unwrap()["p50_seconds"].as_f64().unwrap();
    assert!(p50 > 0.01, "the late one: {p50}");
}

/// The families of a thing, with its label: how many, how many failed, and the buckets.
fn families(of: &str, name: &str) -> (String, String, String) {
    match of {
        "upstream" => {
            let of = |more: &str| format!("sluice_upstream_attempts_total{{upstream=\"{name}\"{more}}}");
            let buckets = format!("sluice_upstream_duration_seconds_bucket{{upstream=\"{name}\"}}");
            (of(""), of(", outcome!~\"[1-4]xx\""), buckets)
        }
        _ => {
            let label = if of == "route" { format!("route=\"{name}\"") } else { String::new() };
            let failed = format!("sluice_requests_total{{code_class=\"5xx\", {label}}}");
            (
                format!("sluice_requests_total{{{label}}}"),
                failed.replace(", }", "}"),
                format!("sluice_request_duration_seconds_bucket{{{label}}}"),
            )
        }
    }
}

/// The last minute of a thing.
async fn live(gateway: &Process, of: &str, name: &str) -> Option<Value> {
    let answer = Operator::of(gateway).get(&format!("/top?of={of}&most=1000")).await.json();
    answer["top"].as_array().unwrap().iter().find(|told| told["name"] == name).cloned()
}

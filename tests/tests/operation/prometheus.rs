//! A real Prometheus scrapes a gateway, and its figures are those of what was sent.

use testkit::{client, gateway::Process, prometheus::Prometheus};

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

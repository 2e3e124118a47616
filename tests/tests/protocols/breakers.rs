//! Circuit breakers: what opens them, what follows for requests, and how they close again.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering::SeqCst},
};

use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use testkit::{
    body,
    client::{Answer, Client, request},
    eventually,
    origin::{Origin, RawOrigin},
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::support::{Forward, Gateway, assert_reply, nowhere, with_fields};

/// An origin whose status a test sets.
struct Moody {
    origin: Origin,
    status: Arc<AtomicU16>,
}

// === impl Moody ===

impl Moody {
    async fn start() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let origin = Origin::start({
            let status = status.clone();
            move |_| {
                let mut response = Response::new(body::full("mood"));
                *response.status_mut() = StatusCode::from_u16(status.load(SeqCst)).unwrap();
                async move { response }
            }
        });
        Self { origin: origin.await, status }
    }

    fn says(&self, status: u16) {
        self.status.store(status, SeqCst);
    }

    fn requests(&self) -> usize {
        self.origin.counts.requests()
    }

    /// A gateway that sends everything here, past this breaker.
    async fn behind(&self, breaker: &str) -> Gateway {
        Forward::to(self.origin.address).upstream(format!("breaker: {{ {breaker} }}")).start().await
    }
}

async fn ask_admin(gateway: &Gateway, method: Method, body: &str) -> Answer {
    let mut asked = request(method, "/api/v1/breakers");
    let shown = HeaderValue::from_str(&format!("Bearer {}", gateway.token())).unwrap();
    asked.headers_mut().insert(header::AUTHORIZATION, shown);
    *asked.body_mut() = body::full(body.to_owned());
    Client::http1(gateway.admin()).await.fetch(asked).await
}

/// The only breaker.
async fn breaker(gateway: &Gateway) -> Value {
    let told = ask_admin(gateway, Method::GET, "").await.json();
    let [only] = &**told["breakers"].as_array().unwrap() else { panic!("{told}") };
    only.clone()
}

async fn order(gateway: &Gateway, order: Value) -> Answer {
    ask_admin(gateway, Method::POST, &order.to_string()).await
}

async fn is(gateway: &Gateway, state: &str) -> Value {
    eventually(state, async || Some(breaker(gateway).await).filter(|breaker| breaker["state"] == state)).await
}

/// The cooldown is over: whoever comes next is a probe.
async fn may_be_probed(gateway: &Gateway) {
    eventually("the end of the cooldown", async || (breaker(gateway).await["next_probe_in_ms"] == 0).then_some(()))
        .await;
}

async fn get(gateway: &Gateway) -> Answer {
    gateway.http1().await.get("/").await
}

#[tokio::test]
async fn failures_in_a_row_open_it_and_nobody_waits() {
    let moody = Moody::start().await;
    let gateway = moody.behind("consecutive_failures: 3, open_for: 1h, max_open_for: 1h, jitter: 0%").await;
    for status in [500, 502, 200, 404, 503, 500] {
        moody.says(status);
        assert_eq!(get(&gateway).await.status.as_u16(), status);
    }
    assert_eq!(breaker(&gateway).await["state"], "closed");
    assert_eq!(get(&gateway).await.status, 500);
    moody.says(200);
    for (_, mut client) in gateway.both().await {
        let refused = client.get("/").await;
        assert_reply(&refused, 503, "breaker_open");
        let wait: u32 = refused.field("retry-after").unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
    }
    let told = breaker(&gateway).await;
    for (key, value) in [
        ("upstream", json!("origin")),
        ("route", Value::Null),
        ("state", json!("open")),
        ("mode", json!("auto")),
        ("reason", json!("consecutive_failures")),
        ("trips", json!(1)),
        ("refused", json!(2)),
    ] {
        assert_eq!(told[key], value, "{told}");
    }
    assert!(told["next_probe"].as_str().unwrap().ends_with("GMT"), "{told}");
    assert_eq!(moody.requests(), 7);

    let metrics = gateway.metrics().await;
    let value = |name: &str, labels: &[(&str, &str)]| metrics.value(name, labels);
    assert_eq!(value("sluice_breaker_state", &[("upstream", "origin")]), Some(3.0));
    assert_eq!(value("sluice_breaker_refused_total", &[("upstream", "origin")]), Some(2.0));
    let opened = [("to", "open"), ("reason", "consecutive_failures")];
    assert_eq!(value("sluice_breaker_transitions_total", &opened), Some(1.0));
    assert_eq!(value("sluice_requests_caused_total", &[("cause", "breaker_open")]), Some(2.0));
    gateway.says("breaker opened").await;
}

#[tokio::test]
async fn too_many_failures_open_it_once_there_are_enough_requests() {
    let moody = Moody::start().await;
    let gateway = moody.behind("failure_ratio: 50%, min_requests: 6, window: 1h, open_for: 1h").await;
    for status in [500, 500, 500, 200, 200] {
        moody.says(status);
        assert_eq!(get(&gateway).await.status.as_u16(), status);
    }
    moody.says(500);
    assert_eq!(get(&gateway).await.status, 500);
    assert_reply(&get(&gateway).await, 503, "breaker_open");
    assert_eq!(breaker(&gateway).await["reason"], "failure_ratio");
}

#[tokio::test]
async fn slow_answers_open_it() {
    let slow = Origin::start(async |_| {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        Response::new(body::full("at last"))
    })
    .await;
    let fields = "breaker: { slow: { over: 10ms, ratio: 100% }, min_requests: 2, open_for: 1h }";
    let gateway = Forward::to(slow.address).upstream(fields).start().await;
    for _ in 0..2 {
        assert_eq!(get(&gateway).await.text(), "at last");
    }
    assert_reply(&get(&gateway).await, 503, "breaker_open");
    assert_eq!(breaker(&gateway).await["reason"], "slow_calls");
}

/// Whatever is listed is a failure, and nothing else.
#[tokio::test]
async fn what_counts_is_what_is_listed() {
    let moody = Moody::start().await;
    let gateway = moody.behind("failures: [429, connect_failure], consecutive_failures: 1, open_for: 1h").await;
    for status in [500, 404, 429] {
        moody.says(status);
        assert_eq!(get(&gateway).await.status.as_u16(), status);
    }
    assert_reply(&get(&gateway).await, 503, "breaker_open");

    let (_held, nobody) = nowhere();
    let gateway = Forward::to(nobody).upstream("breaker: { consecutive_failures: 2, open_for: 1h }").start().await;
    for cause in ["connect_refused", "connect_refused"] {
        assert_reply(&get(&gateway).await, 502, cause);
    }
    assert_reply(&get(&gateway).await, 503, "breaker_open");
}

/// Neither an endpoint that is never asked in time, nor a caller with no time, is mistaken for the other.
#[tokio::test]
async fn timeouts_count_unless_they_are_the_callers() {
    let silent = RawOrigin::start(async |mut conn| {
        let _ = conn.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let fields = "timeouts: { total: 300ms, header: x-timeout }, breaker: { consecutive_failures: 1, open_for: 1h }";
    let gateway = Forward::to(silent.address).upstream(fields).start().await;
    for _ in 0..2 {
        let hurried = with_fields(Method::GET, "/", &[("x-timeout", "20ms")]);
        assert_reply(&gateway.http1().await.fetch(hurried).await, 504, "total_timeout");
    }
    assert_reply(&get(&gateway).await, 504, "total_timeout");
    assert_reply(&get(&gateway).await, 503, "breaker_open");
}

/// A retry is an attempt like any other: it opens the breaker, and does not get past it.
#[tokio::test]
async fn retries_stop_at_an_open_breaker() {
    let moody = Moody::start().await;
    moody.says(503);
    let fields = "retry: { attempts: 5, on: [503], backoff: { base: 1ms, max: 1ms } }, \
                  breaker: { consecutive_failures: 2, open_for: 1h }";
    let gateway = Forward::to(moody.origin.address).upstream(fields).start().await;
    assert_eq!(get(&gateway).await.text(), "mood", "the last answer, not the refusal");
    assert_eq!(moody.requests(), 2);
    assert_reply(&get(&gateway).await, 503, "breaker_open");
}

/// However many ask at once when the cooldown is over, a few find out for all of them.
#[tokio::test]
async fn probes_are_few_and_there_is_no_herd() {
    let (leave, status) = (Arc::new(Semaphore::new(3)), Arc::new(AtomicU16::new(500)));
    let origin = Origin::start({
        let (leave, status) = (leave.clone(), status.clone());
        move |_| {
            let (leave, status) = (leave.clone(), status.clone());
            async move {
                leave.acquire().await.unwrap().forget();
                let mut response = Response::new(body::full("probed"));
                *response.status_mut() = StatusCode::from_u16(status.load(SeqCst)).unwrap();
                response
            }
        }
    })
    .await;
    let breaker = "consecutive_failures: 3, open_for: 50ms, half_open_requests: 2, ramp: 1h";
    let gateway = Gateway::start(&format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }} }}\n\
         listeners: [ {{ name: web, address: \"127.0.0.1:0\" }} ]\n\
         upstreams: [ {{ name: origin, endpoints: [\"{}\"], breaker: {{ {breaker} }} }} ]\n\
         routes: [ {{ name: all, upstream: origin }} ]\n",
        origin.address
    ))
    .await;
    for _ in 0..3 {
        assert_eq!(get(&gateway).await.status, 500);
    }
    status.store(200, SeqCst);
    may_be_probed(&gateway).await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(gateway.http1().await);
    }
    let mut asked = JoinSet::new();
    for mut client in clients {
        asked.spawn(async move { client.get("/").await });
    }
    for _ in 0..38 {
        assert_reply(&asked.join_next().await.unwrap().unwrap(), 503, "breaker_open");
    }
    eventually("the probes arrive", async || (origin.counts.requests() == 5).then_some(())).await;
    assert_eq!(self::breaker(&gateway).await["state"], "half_open");
    leave.add_permits(1000);
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer.unwrap().text(), "probed");
    }
    is(&gateway, "ramp").await;
    // A twentieth of them at first.
    let mut client = gateway.http1().await;
    let mut passed = 0;
    for _ in 0..200 {
        passed += usize::from(client.get("/").await.status == 200);
    }
    assert!((1..60).contains(&passed), "{passed}");
}

#[tokio::test]
async fn a_probe_that_fails_opens_it_again() {
    let moody = Moody::start().await;
    moody.says(500);
    let gateway = moody.behind("consecutive_failures: 1, open_for: 20ms, half_open_requests: 1, ramp: 0s").await;
    assert_eq!(get(&gateway).await.status, 500);
    for trips in 2..4 {
        may_be_probed(&gateway).await;
        assert_eq!(get(&gateway).await.status, 500);
        let told = breaker(&gateway).await;
        assert_eq!((&told["reason"], &told["trips"]), (&json!("probe_failed"), &json!(trips)), "{told}");
    }
    moody.says(200);
    may_be_probed(&gateway).await;
    assert_eq!(get(&gateway).await.status, 200);
    let told = breaker(&gateway).await;
    assert_eq!(
        (&told["state"], &told["reason"], &told["trips"]),
        (&json!("closed"), &Value::Null, &json!(0)),
        "{told}"
    );
    gateway.says("breaker closed").await;
}

#[tokio::test]
async fn somebody_may_decide_at_run_time() {
    let moody = Moody::start().await;
    let gateway = moody.behind("consecutive_failures: 1, open_for: 1h, half_open_requests: 1, ramp: 0s").await;
    let meant = order(&gateway, json!({ "upstream": "origin", "mode": "forced_open" })).await;
    assert_eq!((meant.status.as_u16(), &meant.json()["breakers"][0]["mode"]), (200, &json!("forced_open")));
    assert_reply(&get(&gateway).await, 503, "breaker_open");
    assert_eq!(gateway.metrics().await.value("sluice_breaker_state", &[]), Some(3.0));

    order(&gateway, json!({ "upstream": "origin", "mode": "forced_closed" })).await;
    moody.says(500);
    for _ in 0..3 {
        assert_eq!(get(&gateway).await.status, 500);
    }
    assert_eq!(breaker(&gateway).await["failures"], 3);
    order(&gateway, json!({ "upstream": "origin", "mode": "disabled" })).await;
    assert_eq!(get(&gateway).await.status, 500);
    assert_eq!(breaker(&gateway).await["failures"], 0);
    order(&gateway, json!({ "upstream": "origin", "mode": "auto" })).await;
    assert_eq!(get(&gateway).await.status, 500);
    assert_reply(&get(&gateway).await, 503, "breaker_open");

    for (bad, status, says) in [
        (json!({ "mode": "auto" }), 422, "names nobody"),
        (json!({ "upstream": "other", "mode": "auto" }), 422, "there are those of upstream `origin`"),
        (json!({ "upstream": "origin", "mode": "open" }), 400, "unknown variant `open`"),
    ] {
        let refused = order(&gateway, bad).await;
        assert_eq!(refused.status.as_u16(), status);
        assert!(refused.text().contains(says), "{}", refused.text());
    }
    let stranger = Client::http1(gateway.admin()).await.get("/api/v1/breakers").await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn a_reload_keeps_the_state() {
    let moody = Moody::start().await;
    let forward = |breaker: &str| Forward::to(moody.origin.address).upstream(format!("breaker: {{ {breaker} }}"));
    let rules = "consecutive_failures: 1, open_for: 1h";
    let gateway = forward(rules).start().await;
    moody.says(500);
    assert_eq!(get(&gateway).await.status, 500);
    // Something else changes, of the same upstream even.
    let changed = forward(rules).upstream("timeouts: { idle: 2m }").route("priority: 1");
    gateway.reload_and_wait(&changed.to_string()).await;
    assert_reply(&get(&gateway).await, 503, "breaker_open");
    assert_eq!(breaker(&gateway).await["state"], "open");

    order(&gateway, json!({ "upstream": "origin", "mode": "forced_open" })).await;
    gateway.reload_and_wait(&forward("consecutive_failures: 2, open_for: 1h").to_string()).await;
    assert_reply(&get(&gateway).await, 503, "breaker_open");
    order(&gateway, json!({ "upstream": "origin", "mode": "auto" })).await;
    gateway.reload_and_wait(&forward("consecutive_failures: 3, open_for: 1h").to_string()).await;
    assert_eq!(get(&gateway).await.status, 500, "with other rules it begins anew");
    let transitions = gateway.metrics().await.value("sluice_breaker_transitions_total", &[("to", "open")]);
    assert_eq!(transitions, Some(1.0), "but for what it has counted");
}

/// A call tells its end in the head, or behind its messages.
#[tokio::test]
async fn grpc_statuses_count() {
    for in_head in [true, false] {
        let status = Arc::new(AtomicU16::new(0));
        let origin = Origin::start({
            let status = status.clone();
            move |_| {
                let status = status.load(SeqCst);
                let mut response = Response::new(body::empty());
                response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
                if in_head {
                    response.headers_mut().insert("grpc-status", status.into());
                } else {
                    *response.body_mut() = body::with_trailers("message", &[("grpc-status", &status.to_string())]);
                }
                async move { response }
            }
        })
        .await;
        let fields = "protocol: h2c, breaker: { consecutive_failures: 2, open_for: 1h }";
        let gateway = Forward::to(origin.address).upstream(fields).start().await;
        let call = async || {
            let fields = [("content-type", "application/grpc"), ("te", "trailers")];
            let answer = gateway.h2c().await.fetch(with_fields(Method::POST, "/a.B/c", &fields)).await;
            let status =
                answer.field("grpc-status").or(answer.trailers.get("grpc-status").map(|value| value.to_str().unwrap()));
            (status.map(ToOwned::to_owned), answer.field("grpc-message").map(ToOwned::to_owned))
        };
        // Unavailable, fine, not found, internal, unavailable.
        for code in [14, 0, 14, 5, 13, 14] {
            status.store(code, SeqCst);
            assert_eq!(call().await.0, Some(code.to_string()), "{in_head}");
        }
        is(&gateway, "open").await;
        let (code, message) = call().await;
        assert_eq!(code.as_deref(), Some("14"));
        assert!(message.unwrap().starts_with("breaker_open"), "{in_head}");
        assert_eq!(origin.counts.requests(), 6, "{in_head}");
    }
}

/// What one route does to a service need not be what another one does.
#[tokio::test]
async fn routes_have_their_own() {
    let origin = Origin::start(async |request| {
        let mut response = Response::new(body::full("by route"));
        if request.uri().path() == "/reports" {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    })
    .await;
    let rules = "consecutive_failures: 1, open_for: 1h";
    for (of_upstream, of_route) in [
        (format!(", breaker: {{ scope: route, {rules} }}"), String::new()),
        (String::new(), format!(", breaker: {{ {rules} }}")),
    ] {
        let gateway = Gateway::start(&format!(
            "listeners: [ {{ name: web, address: \"127.0.0.1:0\" }} ]\n\
             upstreams: [ {{ name: origin, endpoints: [\"{}\"]{of_upstream} }} ]\n\
             routes:\n  - {{ name: reports, match: {{ path: /reports }}, upstream: origin{of_route} }}\n  \
             - {{ name: all, upstream: origin{of_route} }}\n",
            origin.address
        ))
        .await;
        let mut client = gateway.http1().await;
        assert_eq!(client.get("/").await.status, 200);
        assert_eq!(client.get("/reports").await.status, 500);
        assert_reply(&client.get("/reports").await, 503, "breaker_open");
        assert_eq!(client.get("/").await.status, 200);
        let told = ask_admin(&gateway, Method::GET, "").await.json();
        let told: Vec<_> =
            told["breakers"].as_array().unwrap().iter().map(|one| (&one["route"], &one["state"])).collect();
        assert_eq!(told, [(&json!("reports"), &json!("open")), (&json!("all"), &json!("closed"))]);
    }
}

/// One bad endpoint of several is left alone, and the others do its work.
#[tokio::test]
async fn endpoints_have_their_own() {
    let (good, bad) = (Moody::start().await, Moody::start().await);
    bad.says(503);
    let fields = "breaker: { scope: endpoint, consecutive_failures: 1, open_for: 1h }";
    let forward = Forward::to(good.origin.address).and(bad.origin.address).upstream(fields);
    let gateway = forward.start().await;
    let mut client = gateway.http1().await;
    let mut failed = 0;
    for _ in 0..20 {
        failed += usize::from(client.get("/").await.status == 503);
    }
    assert_eq!((failed, good.requests(), bad.requests()), (1, 19, 1));
    let address = bad.origin.address.to_string();
    let told = order(&gateway, json!({ "endpoint": address, "mode": "auto" })).await.json();
    assert_eq!((&told["breakers"][0]["state"], &told["breakers"][0]["endpoint"]), (&json!("open"), &json!(address)));

    gateway.reload_and_wait(&forward.upstream("timeouts: { idle: 2m }").to_string()).await;
    good.says(503);
    assert_eq!(client.get("/").await.text(), "mood");
    let refused = client.get("/").await;
    assert_reply(&refused, 503, "breaker_open");
    assert!(refused.field("retry-after").is_some());
    assert_eq!((good.requests(), bad.requests()), (20, 1));
}

/// Many that are open do not hide the one that is not.
#[tokio::test]
async fn the_last_good_endpoint_is_found() {
    let good = Moody::start().await;
    let held: Vec<_> = (0..30).map(|_| nowhere()).collect();
    let mut forward = Forward::to(good.origin.address)
        .upstream("retry: { attempts: 2 }, breaker: { scope: endpoint, consecutive_failures: 1, open_for: 1h }");
    for (_, nobody) in &held {
        forward = forward.and(nobody);
    }
    let gateway = forward.start().await;
    let mut client = gateway.http1().await;
    // Each bad one is asked once.
    for _ in 0..31 {
        client.get("/").await;
    }
    let before = good.requests();
    for _ in 0..20 {
        assert_eq!(client.get("/").await.text(), "mood");
    }
    assert_eq!(good.requests(), before + 20);
}

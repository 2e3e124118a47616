//! Endpoints that do not do their work: how they are found out, left out, and come back.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use testkit::{
    body::{self, Body},
    certs::Authority,
    client::{Client, Load, request},
    eventually,
    faults::FaultProxy,
    origin::{Origin, RawOrigin, Settings},
    tls,
};
use tokio::sync::Semaphore;

use crate::support::{Forward, Gateway, assert_reply, nowhere};

/// An origin that says its name, or 503, to whatever it is asked.
struct Moody {
    origin: Origin,
    is_well: Arc<AtomicBool>,
}

// === impl Moody ===

impl Moody {
    async fn start(name: &'static str) -> Self {
        let is_well = Arc::new(AtomicBool::new(true));
        let origin = Origin::start({
            let is_well = is_well.clone();
            move |_| {
                let status = if is_well.load(SeqCst) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                async move { answer(status, name) }
            }
        });
        Self { origin: origin.await, is_well }
    }

    fn set_well(&self, is_well: bool) {
        self.is_well.store(is_well, SeqCst);
    }
}

fn answer(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response
}

/// What is told of each endpoint, by its address.
async fn told(gateway: &Gateway) -> HashMap<String, Value> {
    let mut asked = request(Method::GET, "/api/v1/health");
    let token = format!("Bearer {}", gateway.token());
    asked.headers_mut().insert("authorization", HeaderValue::from_str(&token).unwrap());
    let answer = Client::http1(gateway.admin()).await.fetch(asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json().as_array().unwrap().clone();
    list.into_iter().map(|told| (told["endpoint"].as_str().unwrap().to_owned(), told)).collect()
}

/// Waits until an endpoint is in this state, and gives what is told of it.
async fn becomes(gateway: &Gateway, endpoint: impl ToString, state: &str) -> Value {
    let endpoint = endpoint.to_string();
    let is_there =
        eventually(state, async || told(gateway).await.remove(&endpoint).filter(|told| told["state"] == state));
    is_there.await
}

/// How often each answer came.
async fn answers(gateway: &Gateway, number: usize) -> HashMap<String, usize> {
    let mut client = gateway.http1().await;
    let mut answers = HashMap::new();
    for _ in 0..number {
        *answers.entry(client.get("/").await.text().to_owned()).or_default() += 1;
    }
    answers
}

/// How many endpoints are in this state, as the metrics say.
async fn counted(gateway: &Gateway, state: &str) -> Option<f64> {
    gateway.metrics().await.value("sluice_upstream_endpoints", &[("upstream", "origin"), ("state", state)])
}

#[tokio::test]
async fn who_fails_requests_is_left_out_for_a_while() {
    let (bad, good) = (Moody::start("bad").await, Moody::start("good").await);
    let fields = "health: { passive: { consecutive_failures: 3, ejection: 5s } }";
    let gateway = Forward::to(bad.origin.address).and(good.origin.address).upstream(fields).start().await;
    assert_eq!(answers(&gateway, 10).await, [("bad".into(), 5), ("good".into(), 5)].into());
    bad.set_well(false);
    // Three of its answers, then all of the other's; the status is passed on, since nothing is tried again.
    let answered = answers(&gateway, 12).await;
    assert_eq!(answered["bad"], 3, "{answered:?}");
    let ejected = becomes(&gateway, bad.origin.address, "ejected").await;
    assert_eq!((&ejected["reason"], &ejected["ejections"]), (&"consecutive_failures".into(), &1.into()), "{ejected}");
    assert!(ejected["until"].as_str() > ejected["since"].as_str(), "{ejected}");
    bad.set_well(true);
    becomes(&gateway, bad.origin.address, "healthy").await;
    assert_eq!(answers(&gateway, 10).await["bad"], 5);
    let metrics = gateway.metrics().await;
    let reason = [("upstream", "origin"), ("reason", "consecutive_failures")];
    assert_eq!(metrics.value("sluice_upstream_ejections_total", &reason), Some(1.0));
}

/// With retries, one endpoint of three that is down harms nobody, and is soon left alone.
#[tokio::test]
async fn one_of_three_that_is_down_harms_nobody() {
    let (held, nobody) = nowhere();
    let (first, second) = (Origin::text("first").await, Origin::text("second").await);
    let fields = "retry: {}, health: { passive: { consecutive_failures: 5, ejection: 1h } }";
    let gateway = Forward::to(nobody).and(first.address).and(second.address).upstream(fields).start().await;
    let web = gateway.web();
    let load = Load::start(4, "/", move || Client::http1(web));
    load.more(1000).await;
    assert!(load.stop().await.unharmed() >= 1000);
    becomes(&gateway, nobody, "ejected").await;
    let refused = gateway.metrics().await.value("sluice_upstream_attempts_total", &[("outcome", "connect_refused")]);
    // Five in a row, and what the four connections had under way at that moment.
    assert!((5.0..=8.0).contains(&refused.unwrap()), "{refused:?}");
    drop(held);
}

/// A network that breaks off connections is as bad as an endpoint that does.
#[tokio::test]
async fn a_bad_network_is_found_out_too() {
    let (far, near) = (Origin::text("far").await, Origin::text("near").await);
    let network = FaultProxy::start(far.address).await;
    let fields = "retry: {}, health: { passive: { consecutive_gateway_errors: 2, ejection: 5s } }";
    let gateway = Forward::to(network.address).and(near.address).upstream(fields).start().await;
    assert_eq!(answers(&gateway, 4).await["far"], 2);
    network.refuse();
    network.reset_all();
    assert_eq!(answers(&gateway, 10).await, [("near".into(), 10)].into());
    let ejected = becomes(&gateway, network.address, "ejected").await;
    assert_eq!(ejected["reason"], "consecutive_gateway_errors");
    network.heal();
    becomes(&gateway, network.address, "healthy").await;
    assert_eq!(answers(&gateway, 4).await["far"], 2);
}

#[tokio::test]
async fn a_part_of_failures_is_too_much() {
    let (bad, good) = (Moody::start("bad").await, Origin::text("good").await);
    let fields = "health: { passive: { failure_ratio: 50%, min_requests: 6, window: 1h, ejection: 1h } }";
    let gateway = Forward::to(bad.origin.address).and(good.address).upstream(fields).start().await;
    answers(&gateway, 6).await;
    bad.set_well(false);
    // Three of six are half.
    assert_eq!(answers(&gateway, 12).await["bad"], 3);
    assert_eq!(becomes(&gateway, bad.origin.address, "ejected").await["reason"], "failure_ratio");
}

/// Where all are bad, half are still asked: leaving all out would help nobody.
#[tokio::test]
async fn no_more_than_a_share_is_left_out() {
    let all = [Moody::start("a").await, Moody::start("b").await, Moody::start("c").await, Moody::start("d").await];
    all.iter().for_each(|moody| moody.set_well(false));
    let fields = "health: { passive: { consecutive_failures: 2, ejection: 1h, max_ejected: 50% } }";
    let [a, b, c, d] = all.each_ref().map(|moody| moody.origin.address);
    let gateway = Forward::to(a).and(b).and(c).and(d).upstream(fields).start().await;
    let answered = answers(&gateway, 100).await;
    assert_eq!(answered.len(), 4, "{answered:?}");
    assert_eq!((counted(&gateway, "ejected").await, counted(&gateway, "healthy").await), (Some(2.0), Some(2.0)));
    let gone = answered.values().filter(|count| **count == 2).count();
    assert_eq!(gone, 2, "{answered:?}");
}

/// A caller with no patience is no reason to leave an endpoint out.
#[tokio::test]
async fn deadlines_of_callers_tell_nothing() {
    let silent = RawOrigin::start(async |mut conn| {
        let _ = conn.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let other = Origin::text("other").await;
    let fields = "timeouts: { header: x-timeout }, health: { passive: { consecutive_failures: 1, ejection: 1h } }";
    let gateway = Forward::to(silent.address).and(other.address).upstream(fields).start().await;
    for _ in 0..4 {
        let asked = crate::support::with_fields(Method::GET, "/", &[("x-timeout", "1000")]);
        gateway.http1().await.fetch(asked).await;
    }
    eventually("two came here", async || (silent.counts.requests() == 2).then_some(())).await;
    assert_eq!(told(&gateway).await[&silent.address.to_string()]["state"], "healthy");
}

/// Who was never seen well gets no request, from the first one on.
#[tokio::test]
async fn the_first_probe_comes_before_requests() {
    let (_held, nobody) = nowhere();
    let good = Origin::text("good").await;
    let fields = "health: { active: { http: { path: /healthz }, interval: 1h, timeout: 10s } }";
    let gateway = Forward::to(nobody).and(good.address).upstream(fields).start().await;
    assert_eq!(answers(&gateway, 20).await, [("good".into(), 20)].into());
    let told = told(&gateway).await;
    let (down, up) = (&told[&nobody.to_string()], &told[&good.address.to_string()]);
    assert_eq!((&down["state"], &down["last_probe"]["outcome"]), (&"unhealthy".into(), &"failed".into()), "{down}");
    assert_eq!((&up["state"], &up["last_probe"]["detail"]), (&"healthy".into(), &"status 200".into()), "{up}");
}

/// What comes while the first probes are under way waits for them.
#[tokio::test]
async fn requests_wait_for_the_first_probe() {
    let leave = Arc::new(Semaphore::new(0));
    let slow = Origin::start({
        let leave = leave.clone();
        move |request: Request<Incoming>| {
            let leave = leave.clone();
            async move {
                if request.uri().path() == "/healthz" {
                    leave.acquire().await.unwrap().forget();
                }
                Response::new(body::full("ok"))
            }
        }
    })
    .await;
    let active =
        |timeout| format!("health: {{ active: {{ http: {{ path: /healthz }}, interval: 1h, timeout: {timeout} }} }}");
    let gateway = Forward::to(slow.address).upstream(active("1h")).start().await;
    let mut client = gateway.http1().await;
    let waiting = tokio::spawn(async move { client.get("/").await });
    eventually("the probe and the request", async || (slow.counts.requests() == 1).then_some(())).await;
    assert_eq!(told(&gateway).await[&slow.address.to_string()]["state"], "checking");
    leave.add_permits(1);
    assert_eq!(waiting.await.unwrap().text(), "ok");

    // A probe that ends in no answer has ended too, and then the only endpoint is better than none.
    let gateway = Forward::to(slow.address).upstream(active("100ms")).start().await;
    assert_eq!(gateway.http1().await.get("/").await.text(), "ok");
    let told = told(&gateway).await;
    assert_eq!(told[&slow.address.to_string()]["last_probe"]["outcome"], "timed_out");
}

#[tokio::test]
async fn who_fails_probes_is_left_out_until_it_passes_them() {
    let (sick, good) = (Moody::start("sick").await, Moody::start("good").await);
    let fields = "health: { active: { http: { path: /healthz }, interval: 10ms, timeout: 10s, \
                  healthy_after: 2, unhealthy_after: 2 } }";
    let gateway = Forward::to(sick.origin.address).and(good.origin.address).upstream(fields).start().await;
    becomes(&gateway, sick.origin.address, "healthy").await;
    becomes(&gateway, good.origin.address, "healthy").await;
    sick.set_well(false);
    let unhealthy = becomes(&gateway, sick.origin.address, "unhealthy").await;
    assert_eq!(unhealthy["last_probe"]["detail"], "status 503", "{unhealthy}");
    assert_eq!(answers(&gateway, 10).await, [("good".into(), 10)].into());
    assert_eq!(counted(&gateway, "unhealthy").await, Some(1.0));
    sick.set_well(true);
    becomes(&gateway, sick.origin.address, "healthy").await;
    assert_eq!(answers(&gateway, 10).await["sick"], 5);
    let metrics = gateway.metrics().await;
    let probes =
        |outcome| metrics.value("sluice_upstream_probes_total", &[("upstream", "origin"), ("outcome", outcome)]);
    assert!(probes("passed") > Some(3.0) && probes("failed") >= Some(2.0), "{probes:?}", probes = probes("failed"));
    // Both changes are told.
    for reason in ["probes_failed", "probes_passed"] {
        gateway.says(&format!("reason={reason:?}")).await;
    }
}

/// If every probe fails, it is the probes that are wrong, or all is lost anyway.
#[tokio::test]
async fn where_nobody_is_healthy_all_are_asked() {
    let of_two = |name: &'static str| {
        Origin::start(move |request: Request<Incoming>| async move {
            let status = if request.uri().path() == "/lie" { StatusCode::NOT_FOUND } else { StatusCode::OK };
            answer(status, name)
        })
    };
    let (first, second) = (of_two("first").await, of_two("second").await);
    let fields = "health: { active: { http: { path: /lie }, interval: 10ms, timeout: 10s } }";
    let gateway = Forward::to(first.address).and(second.address).upstream(fields).start().await;
    becomes(&gateway, first.address, "unhealthy").await;
    becomes(&gateway, second.address, "unhealthy").await;
    assert_eq!(answers(&gateway, 10).await, [("first".into(), 5), ("second".into(), 5)].into());
}

/// Ejections end with probes that pass, however long they would be.
#[tokio::test]
async fn probes_bring_back_who_was_left_out() {
    let (bad, good) = (Moody::start("bad").await, Moody::start("good").await);
    let health = "health: { active: { tcp: {}, interval: 20ms, timeout: 10s }, \
                  passive: { consecutive_failures: 1, ejection: 1h } }";
    let gateway = Forward::to(bad.origin.address).and(good.origin.address).upstream(health).start().await;
    becomes(&gateway, bad.origin.address, "healthy").await;
    bad.set_well(false);
    answers(&gateway, 2).await;
    bad.set_well(true);
    eventually("it was left out and is back", async || {
        let told = told(&gateway).await.remove(&bad.origin.address.to_string()).unwrap();
        (told["ejections"] == 1 && told["state"] == "healthy" && told["reason"] == "probes_passed").then_some(())
    })
    .await;
}

/// Method, host, fields, statuses, the body, another port, and TLS as for requests.
#[tokio::test]
async fn http_probes_ask_as_they_are_told() {
    let authority = Authority::new();
    let settings = Settings {
        tls: Some(tls::server(&authority.server("origin", &["origin.test"]), &["h2"], None)),
        ..Settings::default()
    };
    let probed = Origin::with(settings, |request: Request<Incoming>| async move {
        let head = format!(
            "{} {} {:?} {:?}",
            request.method(),
            request.uri(),
            request.headers().get("x-probe"),
            request.headers().get("user-agent")
        );
        let mut response = Response::new(body::full(head));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    })
    .await;
    let (_held, nobody) = nowhere();
    for (expect, contains, state) in [
        ("[200-299, 418]", "POST https://probe.test/a?b", "healthy"),
        ("[400-499]", "Some(\\\"yes\\\") Some(\\\"sluice-health\\\")", "healthy"),
        ("[418]", "something else", "unhealthy"),
        ("[200, 419]", "POST", "unhealthy"),
    ] {
        let http = format!(
            "http: {{ path: \"/a?b\", method: POST, host: probe.test, headers: {{ x-probe: \"yes\" }}, expect: {expect}, \
             body_contains: \"{contains}\" }}"
        );
        let fields = format!(
            "protocol: h2, tls: {{ server_name: origin.test, ca: {} }}, \
             health: {{ active: {{ {http}, port: {}, interval: 1h, timeout: 10s }} }}",
            authority.ca().display(),
            probed.address.port()
        );
        let gateway = Forward::to(nobody).upstream(fields).start().await;
        becomes(&gateway, nobody, state).await;
    }
}

#[tokio::test]
async fn tcp_probes_connect() {
    let (_held, nobody) = nowhere();
    let silent = RawOrigin::start(|conn| conn.hang()).await;
    let fields = "health: { active: { tcp: {}, interval: 1h, timeout: 10s } }";
    let gateway = Forward::to(nobody).and(silent.address).upstream(fields).start().await;
    becomes(&gateway, nobody, "unhealthy").await;
    assert_eq!(becomes(&gateway, silent.address, "healthy").await["last_probe"]["detail"], "connected");
}

/// Answers `grpc.health.v1.Health/Check` with this status for the service `known`, and NOT_FOUND for others.
async fn grpc_health(serving: u8) -> Origin {
    Origin::start(move |request: Request<Incoming>| async move {
        let is_call = request.uri().path() == "/grpc.health.v1.Health/Check"
            && request.headers().get("content-type").is_some_and(|kind| kind == "application/grpc")
            && request.headers().get("te").is_some_and(|te| te == "trailers");
        let message = request.into_body().collect().await.unwrap().to_bytes();
        let response = Response::builder().header("content-type", "application/grpc");
        if !is_call || message != b"\0\0\0\0\x07\x0a\x05known"[..] {
            return response.header("grpc-status", "5").body(Body::default()).unwrap();
        }
        let answer = Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 8, serving]);
        response.body(body::with_trailers(answer, &[("grpc-status", "0")])).unwrap()
    })
    .await
}

#[tokio::test]
async fn grpc_probes_ask_the_health_service() {
    let (serving, not_serving) = (grpc_health(1).await, grpc_health(2).await);
    let none = testkit::demo::grpc::grpc().await.unwrap();
    let active = |service| {
        let grpc = format!("grpc: {{ service: {service} }}");
        format!("protocol: h2c, health: {{ active: {{ {grpc}, interval: 1h, timeout: 10s }} }}")
    };
    let forward = Forward::to(serving.address).and(not_serving.address).and(none.address);
    let gateway = forward.upstream(active("known")).start().await;
    for (endpoint, state, detail) in [
        (serving.address, "healthy", "SERVING"),
        (not_serving.address, "unhealthy", "NOT_SERVING"),
        (none.address, "unhealthy", "it does not offer grpc.health.v1.Health"),
    ] {
        assert_eq!(becomes(&gateway, endpoint, state).await["last_probe"]["detail"], detail);
    }
    let gateway = Forward::to(serving.address).upstream(active("unknown")).start().await;
    let told = becomes(&gateway, serving.address, "unhealthy").await;
    assert_eq!(told["last_probe"]["detail"], "it does not know the service `unknown`");
}

/// Calls that fail at once count as well.
#[tokio::test]
async fn grpc_statuses_tell_of_an_endpoint() {
    let unavailable = Origin::start(async |_| {
        let answer = Response::builder().header("content-type", "application/grpc").header("grpc-status", "14");
        answer.body(Body::default()).unwrap()
    })
    .await;
    let other = Origin::text("other").await;
    let fields = "protocol: h2c, health: { passive: { consecutive_failures: 2, ejection: 1h } }";
    let gateway = Forward::to(unavailable.address).and(other.address).upstream(fields).start().await;
    let mut client = gateway.h2c().await;
    for _ in 0..6 {
        client.get("/").await;
    }
    becomes(&gateway, unavailable.address, "ejected").await;
    assert_eq!(unavailable.counts.requests(), 2);
}

/// A reload forgets nothing of endpoints that stay: neither who was left out, nor who was seen well.
#[tokio::test]
async fn reloads_keep_what_is_known() {
    let (bad, good, new) = (Moody::start("bad").await, Moody::start("good").await, Moody::start("new").await);
    let probes = |interval| format!("active: {{ http: {{ path: /healthz }}, interval: {interval}, timeout: 10s }}");
    let health = |active: &str| {
        format!("health: {{ {active}, passive: {{ consecutive_failures: 1, ejection: 1h, max_ejected: 50% }} }}")
    };
    let forward = |active: &str| Forward::to(bad.origin.address).and(good.origin.address).upstream(health(active));
    let gateway = forward(&probes("1h")).start().await;
    becomes(&gateway, bad.origin.address, "healthy").await;
    becomes(&gateway, good.origin.address, "healthy").await;
    bad.set_well(false);
    answers(&gateway, 2).await;
    let before = becomes(&gateway, bad.origin.address, "ejected").await;
    let probed = good.origin.counts.requests();

    // With one endpoint more, and other timeouts.
    let document = forward(&probes("1h")).and(new.origin.address).upstream("timeouts: { first_byte: 7s }");
    gateway.reload_and_wait(&document.to_string()).await;
    becomes(&gateway, new.origin.address, "healthy").await;
    let after = becomes(&gateway, bad.origin.address, "ejected").await;
    assert_eq!(
        ["reason", "ejections", "until"].map(|key| &after[key])[..2],
        ["reason", "ejections", "until"].map(|key| &before[key])[..2]
    );
    assert_eq!(answers(&gateway, 6).await, [("good".into(), 3), ("new".into(), 3)].into());

    // With other rules, who got requests does so until these find fault; who did not must show itself.
    bad.set_well(true);
    gateway.reload_and_wait(&forward(&probes("2h")).to_string()).await;
    becomes(&gateway, bad.origin.address, "healthy").await;
    assert_eq!(told(&gateway).await[&good.origin.address.to_string()]["reason"], "known");
    assert!(good.origin.counts.requests() >= probed);
}

/// What an endpoint has when it is taken out may end; new requests go elsewhere.
#[tokio::test]
async fn endpoints_that_are_taken_out_drain() {
    let leave = Arc::new(Semaphore::new(0));
    let old = Origin::start({
        let leave = leave.clone();
        move |_| {
            let leave = leave.clone();
            async move {
                leave.acquire().await.unwrap().forget();
                Response::new(body::full("old"))
            }
        }
    })
    .await;
    let new = Origin::text("new").await;
    let gateway = Forward::to(old.address).upstream("health: { passive: {} }").start().await;
    let mut client = gateway.http1().await;
    let under_way = tokio::spawn(async move { client.get("/").await });
    eventually("the request", async || (old.counts.requests() == 1).then_some(())).await;
    gateway.reload_and_wait(&Forward::to(new.address).upstream("health: { passive: {} }").to_string()).await;
    assert_eq!(becomes(&gateway, old.address, "draining").await["reason"], "removed");
    assert_eq!(answers(&gateway, 3).await, [("new".into(), 3)].into());
    leave.add_permits(1);
    assert_eq!(under_way.await.unwrap().text(), "old");
    eventually("it is gone", async || (!told(&gateway).await.contains_key(&old.address.to_string())).then_some(()))
        .await;
    eventually("so is its connection", async || (old.counts.open() == 0).then_some(())).await;
}

/// No endpoint may be asked: none has a weight, whatever its health.
#[tokio::test]
async fn whoever_has_no_weight_gets_nothing_however_healthy() {
    let idle = Origin::text("idle").await;
    let gateway = Gateway::start(&format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }} }}\n\
         listeners: [ {{ name: web, address: \"127.0.0.1:0\" }} ]\n\
         upstreams: [ {{ name: origin, endpoints: [ {{ address: \"{}\", weight: 0 }} ], \
         health: {{ active: {{ tcp: {{}} }}, passive: {{}} }} }} ]\n\
         routes: [ {{ name: all, upstream: origin }} ]\n",
        idle.address
    ))
    .await;
    becomes(&gateway, idle.address, "healthy").await;
    assert_reply(&gateway.http1().await.get("/").await, 503, "no_endpoint");
}

/// Nobody without the token learns where the endpoints are.
#[tokio::test]
async fn health_is_told_to_operators_only() {
    let (_held, nobody) = nowhere();
    let gateway = Forward::to(nobody).upstream("health: { passive: {} }").start().await;
    let answer = testkit::client::get(gateway.admin(), "/api/v1/health").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers.get("content-type"), Some(&HeaderValue::from_static("application/problem+json")));
}

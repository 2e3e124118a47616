//! Upstreams that misbehave, and how little clients notice: the figures that balancing, health, retries and breakers together
//! must keep. The numbers are those of the catalogue of faults; 69 is in `retries`, 72 in `balancing`, and the probes of 70 in
//! `breakers`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;
use testkit::{
    body,
    client::{Client, Load, request},
    eventually,
    faults::{Direction::ToClient, Fault, FaultProxy},
    origin::{Origin, RawConn, RawOrigin},
};
use tokio::task::{JoinSet, LocalSet};

use crate::support::{Forward, Gateway, assert_reply};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// An origin that does its work, or not, and tells probes whatever it likes.
struct Moody {
    origin: Origin,
    is_well: Arc<AtomicBool>,
    passes_probes: Arc<AtomicBool>,
    /// Requests that are no probes.
    requests: Arc<AtomicUsize>,
}

// === impl Moody ===

impl Moody {
    async fn start() -> Self {
        let [is_well, passes_probes] = [true; 2].map(AtomicBool::new).map(Arc::new);
        let requests = Arc::new(AtomicUsize::new(0));
        let origin = Origin::start({
            let (is_well, passes_probes, requests) = (is_well.clone(), passes_probes.clone(), requests.clone());
            move |request: Request<Incoming>| {
                let is_probe = request.uri().path() == "/healthz";
                requests.fetch_add(usize::from(!is_probe), SeqCst);
                let is_well = if is_probe { &passes_probes } else { &is_well }.load(SeqCst);
                let mut response = Response::new(body::full("mood"));
                *response.status_mut() = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                async move { response }
            }
        });
        Self { origin: origin.await, is_well, passes_probes, requests }
    }

    fn set_well(&self, is_well: bool) {
        self.is_well.store(is_well, SeqCst);
        self.passes_probes.store(is_well, SeqCst);
    }

    fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

/// The states that the admin address tells, of endpoints (`health`) or of `breakers`.
async fn states(gateway: &Gateway, of: &str) -> Vec<String> {
    let mut asked = request(Method::GET, &format!("/api/v1/{of}"));
    let token = format!("Bearer {}", gateway.token());
    asked.headers_mut().insert("authorization", HeaderValue::from_str(&token).unwrap());
    let told: Value = Client::http1(gateway.admin()).await.fetch(asked).await.json();
    let list = told.as_array().or_else(|| told[of].as_array()).expect("a list");
    list.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

async fn all_are(gateway: &Gateway, of: &str, state: &str) -> bool {
    states(gateway, of).await.iter().all(|is| is == state)
}

type Spoil = fn(&FaultProxy);

/// Whatever is wrong with one endpoint of three, clients notice nothing, and it is soon left alone.
#[tokio::test]
async fn fault_65_one_bad_endpoint_of_three() {
    let faults: [(&str, Spoil); 5] = [
        ("connections are reset as soon as they are made", |proxy| {
            proxy.refuse();
            proxy.reset_all();
        }),
        ("connections are reset before the answer", |proxy| proxy.set(ToClient, [Fault::Reset { after: 0 }])),
        ("connections end before the answer", |proxy| proxy.set(ToClient, [Fault::Truncate { after: 0 }])),
        ("all vanishes that is sent, also on connections that are open", |proxy| {
            proxy.set_both([Fault::Hang { after: 0 }]);
        }),
        ("nothing passes", |proxy| proxy.set_both([Fault::Blackhole])),
    ];
    for (what, spoil) in faults {
        let origins = [Origin::text("ok").await, Origin::text("ok").await, Origin::text("ok").await];
        let proxy = FaultProxy::start(origins[0].address).await;
        let fields = "retry: { attempts: 3, on: [connect_failure, refused_stream, reset, timeout, 5xx], \
                      per_try_timeout: 4s }, health: { passive: { consecutive_failures: 5, ejection: 1h } }";
        let forward = Forward::to(proxy.address).and(origins[1].address).and(origins[2].address).upstream(fields);
        let gateway = forward.start().await;
        let web = gateway.web();
        let load = Load::start(4, "/", move || Client::http1(web));
        load.more(100).await;
        spoil(&proxy);
        load.more(1000).await;
        let tally = load.stop().await;
        assert!(tally.failures.len() * 1000 <= 1000, "{what}: {:?}", tally.failures);
        let retries = gateway.metrics().await.value("sluice_upstream_retries_total", &[("upstream", "origin")]);
        // Five in a row, and what the four connections had under way at that moment.
        assert!((5.0..=8.0).contains(&retries.unwrap()), "{what}: {retries:?}");
        assert!(states(&gateway, "health").await.contains(&"ejected".to_owned()), "{what}");
    }
}

/// The same for an endpoint that answers, but not well.
#[tokio::test]
async fn fault_65_one_of_three_that_fails_requests() {
    let all = [Moody::start().await, Moody::start().await, Moody::start().await];
    let [bad, second, third] = all.each_ref().map(|moody| moody.origin.address);
    let fields = "retry: { on: [503] }, health: { passive: { consecutive_failures: 5, ejection: 1h } }";
    let gateway = Forward::to(bad).and(second).and(third).upstream(fields).start().await;
    let web = gateway.web();
    let load = Load::start(4, "/", move || Client::http1(web));
    load.more(100).await;
    all[0].set_well(false);
    let before = all[0].requests();
    load.more(1000).await;
    assert!(load.stop().await.unharmed() >= 1100);
    let asked = all[0].requests() - before;
    assert!((5..=8).contains(&asked), "{asked}");
}

/// Wherever an answer breaks off and however, no client takes it for a whole one.
#[tokio::test]
async fn fault_66_what_breaks_off_is_never_whole() {
    const ANSWERS: [&str; 2] = [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n0123\r\n6;a=b\r\n456789\r\n0\r\n\r\n",
    ];
    for answer in ANSWERS {
        let origin = RawOrigin::answering(answer).await;
        let proxy = FaultProxy::start(origin.address).await;
        let gateway = Forward::to(proxy.address).start().await;
        for after in 1..answer.len() as u64 {
            for fault in [Fault::Truncate { after }, Fault::HalfClose { after }, Fault::Reset { after }] {
                proxy.set(ToClient, [fault]);
                for (version, mut client) in gateway.both().await {
                    match client.try_fetch(request(Method::GET, "/")).await {
                        Ok(got) => assert_eq!(got.status, 502, "{version}, {fault:?} of {answer:?}: {got:?}"),
                        Err(_broken_off) => {}
                    }
                }
            }
        }
        proxy.heal();
        assert_eq!(gateway.http1().await.get("/").await.text(), "0123456789");
    }
}

/// An endpoint that has ever more to say before its answer has none.
#[tokio::test]
async fn fault_66_a_storm_of_interim_responses_ends() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        while conn.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await.is_ok() {}
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    for (_, mut client) in gateway.both().await {
        assert_reply(&client.get("/").await, 502, "response_malformed");
    }
}

/// An endpoint may close a kept connection at any time, also as it is used again.
#[tokio::test]
async fn fault_67_connections_close_as_they_are_used() {
    let served = Arc::new(AtomicUsize::new(0));
    let origin = RawOrigin::start({
        move |mut conn: RawConn| {
            let served = served.clone();
            async move {
                // After one to four answers, and without a word.
                for _ in 0..=served.fetch_add(1, SeqCst) % 4 {
                    if conn.request().await.is_err() || conn.send(OK).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    let web = gateway.web();
    let load = Load::start(8, "/", move || Client::http1(web));
    load.more(2000).await;
    assert!(load.stop().await.unharmed() >= 2000);
}

/// Probes that fail although requests do not: when most endpoints look bad, all are asked.
#[tokio::test]
async fn fault_68_checks_that_lie() {
    for liars in [2, 3] {
        let all = [Moody::start().await, Moody::start().await, Moody::start().await];
        let [first, second, third] = all.each_ref().map(|moody| moody.origin.address);
        let fields = "health: { active: { http: { path: /healthz }, interval: 10ms, timeout: 10s } }";
        let gateway = Forward::to(first).and(second).and(third).upstream(fields).start().await;
        eventually("all are healthy", async || all_are(&gateway, "health", "healthy").await.then_some(())).await;
        all[..liars].iter().for_each(|moody| moody.passes_probes.store(false, SeqCst));
        eventually("some are not", async || {
            let states = states(&gateway, "health").await;
            (states.iter().filter(|state| *state == "unhealthy").count() == liars).then_some(())
        })
        .await;
        let mut client = gateway.http1().await;
        for _ in 0..300 {
            assert_eq!(client.get("/").await.status, 200);
        }
        assert!(all.iter().all(|moody| moody.requests() == 100), "{:?}", all.each_ref().map(Moody::requests));
        let panicked = gateway.metrics().await.value("sluice_upstream_panicked_total", &[("upstream", "origin")]);
        assert_eq!(panicked, Some(300.0));
    }
}

/// Whoever is left out sees nothing but probes, however many requests there are; then it has its share, and does not fail again.
#[tokio::test]
async fn fault_70_who_is_left_out_is_left_alone() {
    let (bad, good) = (Moody::start().await, Moody::start().await);
    let fields = "retry: { on: [503] }, health: { active: { http: { path: /healthz }, interval: 20ms, timeout: 10s }, \
                  passive: { consecutive_failures: 3, ejection: 1h } }";
    let gateway = Forward::to(bad.origin.address).and(good.origin.address).upstream(fields).start().await;
    eventually("both are healthy", async || all_are(&gateway, "health", "healthy").await.then_some(())).await;
    let web = gateway.web();
    let load = Load::start(8, "/", move || Client::http1(web));
    load.more(100).await;
    bad.set_well(false);
    eventually("it is left out", async || (!all_are(&gateway, "health", "healthy").await).then_some(())).await;
    // What was under way at that moment is over.
    load.more(100).await;
    let before = bad.requests();
    load.more(1000).await;
    assert_eq!(bad.requests(), before);
    bad.set_well(true);
    eventually("it is back", async || all_are(&gateway, "health", "healthy").await.then_some(())).await;
    load.more(500).await;
    assert!(bad.requests() > before + 100, "{} of 500", bad.requests() - before);
    load.stop().await.unharmed();
    let ejections = gateway.metrics().await.value("sluice_upstream_ejections_total", &[("upstream", "origin")]);
    assert!(ejections.is_none_or(|ejections| ejections <= 1.0), "{ejections:?}");
}

/// A breaker waits for requests that go well, an ejection keeps them away: nevertheless both end when the origins are well again,
/// by time and by probes, whatever the breaker is about and whether health is doubted or not.
#[tokio::test]
async fn breakers_and_ejections_do_not_lock_each_other() {
    let (mut all, here) = (JoinSet::new(), LocalSet::new());
    for scope in ["upstream", "route", "endpoint"] {
        for panic_threshold in ["0%", "50%"] {
            for ends in ["by time", "by probes"] {
                all.spawn_local_on(both_end(scope, panic_threshold, ends), &here);
            }
        }
    }
    here.run_until(all.join_all()).await;
}

async fn both_end(scope: &'static str, panic_threshold: &'static str, ends: &'static str) {
    let what = format!("{scope}, {panic_threshold}, {ends}");
    let health = match ends {
        "by time" => "passive: { consecutive_failures: 2, ejection: 3s, max_ejection: 6s, max_ejected: 100% }",
        _ => {
            "active: { http: { path: /healthz }, interval: 30ms, timeout: 10s }, \
             passive: { consecutive_failures: 2, ejection: 1h, max_ejection: 1h, max_ejected: 100% }"
        }
    };
    let fields = format!(
        "retry: {{ on: [503], backoff: {{ base: 1ms, max: 1ms }} }}, health: {{ {health} }}, \
         failover: {{ panic_threshold: {panic_threshold} }}, breaker: {{ scope: {scope}, consecutive_failures: 2, \
         open_for: 100ms, max_open_for: 300ms, half_open_requests: 2, ramp: 50ms }}"
    );
    let both = [Moody::start().await, Moody::start().await];
    let [first, second] = both.each_ref().map(|moody| moody.origin.address);
    let gateway = Forward::to(first).and(second).upstream(fields).start().await;
    let mut client = gateway.http1().await;
    eventually("all are healthy", async || all_are(&gateway, "health", "healthy").await.then_some(())).await;
    assert_eq!(client.get("/").await.status, 200, "{what}");

    // Requests fail before probes do: else nobody might be asked any more, and the breakers would see nothing.
    both.iter().for_each(|moody| moody.is_well.store(false, SeqCst));
    for of in ["breakers", "health"] {
        eventually(&format!("{what}: {of} keep requests away"), async || {
            // Refused or failed, but never left without an answer.
            assert_eq!(client.get("/").await.status, 503, "{what}");
            let states = states(&gateway, of).await;
            states.iter().all(|state| state != "closed" && state != "healthy").then_some(())
        })
        .await;
        both.iter().for_each(|moody| moody.passes_probes.store(false, SeqCst));
    }
    // Nothing went well, so no breaker can have closed.
    assert!(!states(&gateway, "breakers").await.contains(&"closed".to_owned()), "{what}");

    both.iter().for_each(|moody| moody.set_well(true));
    eventually(&format!("{what}: all is well again"), async || {
        client.get("/").await;
        (all_are(&gateway, "health", "healthy").await && all_are(&gateway, "breakers", "closed").await).then_some(())
    })
    .await;
    let before = both.each_ref().map(Moody::requests);
    for _ in 0..40 {
        assert_eq!(client.get("/").await.status, 200, "{what}");
    }
    assert_eq!(both.each_ref().map(Moody::requests), before.map(|before| before + 20), "{what}");
}

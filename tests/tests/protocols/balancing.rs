//! Which endpoint is asked: each way to balance in a running gateway with two workers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use http::{Method, Request, Response};
use testkit::{
    PATIENCE, body,
    body::Body,
    client::{Answer, Client, request, websocket},
    demo, eventually,
    origin::Origin,
    within,
};
use tokio::{
    sync::{
        Mutex, Semaphore,
        mpsc::{UnboundedReceiver, unbounded_channel},
    },
    task::JoinSet,
};

use crate::support::{Gateway, all, assert_reply, nowhere, with_fields};

/// Origins that say which one they are. `/hold` is not answered before it is let go; the first one answers `/bad` never
/// well, and `/slow` three seconds later than the others.
struct Origins {
    each: Vec<Origin>,
    arrived: Mutex<UnboundedReceiver<usize>>,
    go: Arc<Semaphore>,
}

/// Enough connections that both workers have some; that each of two got one is checked where it matters.
const CONNECTIONS: usize = 24;

// === impl Origins ===

impl Origins {
    async fn start(many: usize) -> Self {
        let (arrivals, arrived) = unbounded_channel();
        let go = Arc::new(Semaphore::new(0));
        let mut each = Vec::new();
        for number in 0..many {
            let (arrivals, go) = (arrivals.clone(), go.clone());
            let origin = Origin::start(move |request: Request<_>| {
                let (arrivals, go) = (arrivals.clone(), go.clone());
                async move {
                    if request.uri().path() == "/hold" {
                        arrivals.send(number).unwrap();
                        drop(go.acquire().await);
                    }
                    if request.uri().path() == "/slow" && number == 0 {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                    }
                    let mut response = Response::new(body::full(number.to_string()));
                    if request.uri().path() == "/bad" && number == 0 {
                        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                    }
                    response
                }
            });
            each.push(origin.await);
        }
        Self { each, arrived: Mutex::new(arrived), go }
    }

    /// A document that sends everything to these, the first `weights` of them, each with its weight.
    fn document(&self, weights: &[u32], upstream: &str) -> String {
        let endpoint =
            |(origin, weight): (&Origin, &u32)| format!("{{ address: \"{}\", weight: {weight} }}", origin.address);
        let endpoints = self.each.iter().zip(weights).map(endpoint).collect::<Vec<_>>().join(", ");
        format!(
            "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }}, trusted_proxies: [127.0.0.1] }}\n\
             listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n\
             upstreams:\n  - {{ name: origin, endpoints: [{endpoints}], {upstream} }}\n\
             routes:\n  - {{ name: all, upstream: origin }}\n"
        )
    }

    async fn gateway(&self, weights: &[u32], upstream: &str) -> Gateway {
        Gateway::start(&self.document(weights, upstream)).await
    }

    /// Which origin the next request to `/hold` came to.
    async fn held(&self) -> usize {
        within(PATIENCE, async { self.arrived.lock().await.recv().await.unwrap() }).await
    }

    /// Has all that is held answered, and all that will come.
    fn let_go(&self) {
        self.go.close();
    }
}

/// Sends a request over a connection of its own.
async fn ask(gateway: &Gateway, request: Request<Body>) -> Answer {
    let answer = gateway.http1().await.fetch(request).await;
    assert!(answer.status.is_success() || answer.status == 500, "{}", answer.text());
    answer
}

/// The number of the origin that answers a request with these fields.
async fn whose(gateway: &Gateway, target: &str, fields: &[(&str, &str)]) -> usize {
    ask(gateway, with_fields(Method::GET, target, fields)).await.text().parse().unwrap()
}

/// Sends `/hold`, which will be answered once it is let go.
fn hold(gateway: &Gateway, fields: &[(&str, &str)], holding: &mut JoinSet<usize>) {
    let (address, request) = (gateway.web(), with_fields(Method::GET, "/hold", fields));
    holding.spawn(async move { Client::http1(address).await.fetch(request).await.text().parse().unwrap() });
}

async fn both_workers_serve(gateway: &Gateway, clients: &[Client]) {
    let open = |worker| [("worker", worker)];
    gateway
        .metrics_until("each worker has connections", |metrics| {
            let counts = ["0", "1"].map(|worker| metrics.value("sluice_open_connections", &open(worker)));
            let all: f64 = counts.iter().flatten().sum();
            (all >= clients.len() as f64).then(|| assert!(counts.iter().all(|count| *count > Some(0.0)), "{counts:?}"))
        })
        .await;
}

#[tokio::test]
async fn each_way_asks_all_who_have_a_weight() {
    let origins = Origins::start(4).await;
    for balance in [
        "round_robin",
        "random",
        "least_requests",
        "peak_ewma",
        "{ peak_ewma: { decay: 1s, failure: 2s } }",
        "ip_hash",
        "{ consistent_hash: { key: path } }",
        "{ consistent_hash: { key: path, algorithm: maglev } }",
        "{ consistent_hash: { key: { header: x-key }, bounded_load: 1.5 } }",
        "{ custom: { score: endpoint.in_flight } }",
        "{ custom: { score: 'endpoint.latency * double(endpoint.in_flight + 1)', among: all } }",
        "sticky",
    ] {
        let gateway = origins.gateway(&[1, 0, 2, 1], &format!("balance: {balance}")).await;
        let mut counts = [0; 4];
        for client in 0..CONNECTIONS {
            let mut connection = gateway.http1().await;
            for number in 0..5 {
                let (path, address) = (format!("/{client}/{number}"), format!("192.0.2.{client}"));
                let answer = connection.fetch(with_fields(Method::GET, &path, &[("x-forwarded-for", &address)])).await;
                counts[answer.text().parse::<usize>().unwrap()] += 1;
            }
        }
        assert_eq!((counts.iter().sum::<usize>(), counts[1]), (CONNECTIONS * 5, 0), "{balance}: {counts:?}");
        assert!([0, 2, 3].iter().all(|origin| counts[*origin] > 0), "{balance}: {counts:?}");
    }
    let gateway = origins.gateway(&[0, 0], "balance: least_requests").await;
    let answer = gateway.http1().await.get("/").await;
    assert_reply(&answer, 503, "no_endpoint");
}

#[tokio::test]
async fn the_fewest_requests_are_those_of_all_workers() {
    let origins = Origins::start(2).await;
    let gateway = origins.gateway(&[1, 1], "balance: least_requests").await;
    let mut holding = JoinSet::new();
    hold(&gateway, &[], &mut holding);
    let held = origins.held().await;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = gateway.http1().await;
        assert_eq!(client.get("/").await.text(), (1 - held).to_string(), "although the other one is idle");
        clients.push(client);
    }
    both_workers_serve(&gateway, &clients).await;
    // Two more: the first goes to the idle one, the second to either.
    hold(&gateway, &[], &mut holding);
    assert_eq!(origins.held().await, 1 - held);
    origins.let_go();
    while holding.join_next().await.transpose().unwrap().is_some() {}
    eventually("the one that was busy is asked again", async || {
        (whose(&gateway, "/", &[]).await == held).then_some(())
    })
    .await;
}

/// An expression that says the same as `least_requests` of all, and prefers some.
#[tokio::test]
async fn the_lowest_score_wins() {
    let origins = Origins::start(3).await;
    let score = "endpoint.in_flight * 10 + (has(endpoint.labels.spare) ? 5 : endpoint.weight)";
    let upstream = format!("balance: {{ custom: {{ score: '{score}', among: all }} }}");
    let document = origins.document(&[1, 2, 3], &upstream).replace("weight: 1 }", "weight: 1, labels: { spare: '' } }");
    let gateway = Gateway::start(&document).await;
    let mut holding = JoinSet::new();
    for expected in [1, 2, 0, 1, 2, 0] {
        hold(&gateway, &[], &mut holding);
        assert_eq!(origins.held().await, expected);
    }
    origins.let_go();
}

/// Tiers and zones say who is asked first; others are asked when those were, in vain.
#[tokio::test]
async fn the_first_tier_is_asked_first_and_others_help_out() {
    let origins = Origins::start(3).await;
    let [first, second, third] = [0, 1, 2].map(|origin: usize| origins.each[origin].address);
    let (_held, gone) = nowhere();
    let document = |first_tier: String| {
        format!(
            "gateway: {{ workers: 2, zone: a, admin: {{ address: \"127.0.0.1:0\" }} }}\n\
             listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n\
             upstreams:\n  - name: origin\n    endpoints:\n\
             \x20     - {{ address: \"{third}\", tier: 1, labels: {{ zone: a }} }}\n\
             \x20     - {{ address: \"{second}\", labels: {{ zone: b }} }}\n\
             \x20     - {{ address: \"{first_tier}\", labels: {{ zone: a }} }}\n    retry: {{ attempts: 3 }}\n\
             routes:\n  - {{ name: all, upstream: origin }}\n"
        )
    };
    let gateway = Gateway::start(&document(first.to_string())).await;
    for _ in 0..12 {
        assert_eq!(whose(&gateway, "/", &[]).await, 0);
    }
    let overflowed = async |gateway: &Gateway| {
        gateway.metrics().await.value("sluice_upstream_overflowed_total", &[("upstream", "origin")])
    };
    assert_eq!(overflowed(&gateway).await, Some(0.0));
    gateway.reload_and_wait(&document(gone.to_string())).await;
    for _ in 0..12 {
        assert_eq!(whose(&gateway, "/", &[]).await, 1, "of the same tier, in another zone");
    }
    assert_eq!(overflowed(&gateway).await, Some(12.0));
}

#[tokio::test]
async fn a_websocket_is_under_way_until_it_is_closed() {
    let origins = Origins::start(1).await;
    let echo = demo::echo().await.unwrap();
    let document = origins.document(&[1], "balance: least_requests");
    let both = format!("endpoints: [\"{}\", ", echo.address);
    let gateway = Gateway::start(&document.replace("endpoints: [", &both)).await;
    let is_echo = async |gateway: &Gateway| ask(gateway, request(Method::GET, "/")).await.text() != "0";
    // The origin takes no WebSockets, so one of these comes to the other one.
    let uri = format!("ws://{}/", gateway.web());
    let socket = eventually("a WebSocket", async || {
        let stream = tokio::net::TcpStream::connect(gateway.web()).await.unwrap();
        websocket::over_http1(stream, &uri, &[]).await.ok()
    })
    .await;
    for _ in 0..20 {
        assert!(!is_echo(&gateway).await, "although it has a tunnel");
    }
    drop(socket);
    eventually("it is idle again", async || is_echo(&gateway).await.then_some(())).await;
}

#[tokio::test]
async fn who_fails_is_avoided() {
    let origins = Origins::start(3).await;
    let for_long = "balance: { peak_ewma: { failure: 1h, decay: 1h } }";
    let gateway = origins.gateway(&[1, 1, 1], for_long).await;
    let mut failed = 0;
    for _ in 0..100 {
        failed += u32::from(whose(&gateway, "/bad", &[]).await == 0);
    }
    // Until the first answer, nobody knows. A second one may be drawn before the others are known.
    assert!(failed <= 3, "{failed} of 100");
}

/// Requests at the same time, from clients of both workers.
#[tokio::test]
async fn who_is_slow_gets_next_to_nothing() {
    const REQUESTS: usize = 50;
    let origins = Origins::start(4).await;
    let gateway = origins.gateway(&[1; 4], "balance: peak_ewma").await;
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let mut client = gateway.http1().await;
        clients.spawn(async move {
            let mut slow = 0;
            for _ in 0..REQUESTS {
                slow += usize::from(client.get("/slow").await.text() == "0");
            }
            slow
        });
    }
    let slow: usize = clients.join_all().await.into_iter().sum();
    assert!(slow * 20 <= 8 * REQUESTS, "{slow} of {}", 8 * REQUESTS);
}

#[tokio::test]
async fn the_same_key_leads_to_the_same_endpoint() {
    let origins = Origins::start(3).await;
    type Named = fn(&str) -> (String, Vec<(&'static str, String)>);
    let cases: [(&str, Named); 5] = [
        ("client_ip", |key| ("/".into(), vec![("x-forwarded-for", format!("192.0.2.{key}"))])),
        ("path", |key| (format!("/{key}?a={key}"), vec![])),
        ("{ header: X-Key }", |key| ("/".into(), vec![("x-key", key.into()), ("x-key", "other".into())])),
        ("{ query: key }", |key| (format!("/{key}?a=b&key={key}"), vec![])),
        ("{ cookie: key }", |key| ("/".into(), vec![("cookie", format!("a=b; key={key}"))])),
    ];
    for algorithm in ["ring", "maglev"] {
        for (key, named) in cases {
            let upstream = format!("balance: {{ consistent_hash: {{ key: {key}, algorithm: {algorithm} }} }}");
            let mut owners = Vec::new();
            // The second gateway knows nothing of the first one.
            for _ in 0..2 {
                let gateway = origins.gateway(&[1, 1, 1], &upstream).await;
                let mut found = BTreeMap::new();
                // So many that each endpoint has some, whatever its port is, but once in millions of runs.
                for key in 0..40 {
                    let (target, fields) = named(&key.to_string());
                    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    for _ in 0..3 {
                        let owner = whose(&gateway, &target, &fields).await;
                        assert_eq!(*found.entry(key).or_insert(owner), owner, "{upstream}");
                    }
                }
                assert_eq!(found.values().collect::<BTreeSet<_>>().len(), 3, "{upstream}");
                owners.push(found);
            }
            assert_eq!(owners[0], owners[1], "{upstream}");
        }
    }
}

#[tokio::test]
async fn requests_without_the_key_have_another_or_none() {
    let origins = Origins::start(3).await;
    let gateway = origins
        .gateway(&[1, 1, 1], "balance: { consistent_hash: { key: { header: x-key }, fallback: { cookie: key } } }")
        .await;
    let spread = async |fields: &[(&str, &str)]| -> usize {
        let mut found = BTreeSet::new();
        for _ in 0..40 {
            found.insert(whose(&gateway, "/", fields).await);
        }
        found.len()
    };
    assert_eq!(spread(&[("x-key", "a"), ("cookie", "key=b")]).await, 1);
    assert_eq!(spread(&[("cookie", "key=b")]).await, 1);
    assert_eq!(spread(&[("x-key", ""), ("cookie", "key=b")]).await, 1);
    assert_eq!(spread(&[]).await, 3);
    let missed = gateway.metrics().await.value("sluice_upstream_keys_missed_total", &[("upstream", "origin")]);
    assert_eq!(missed, Some(40.0));
}

#[tokio::test]
async fn nobody_gets_more_than_the_bound() {
    let origins = Origins::start(4).await;
    let gateway =
        origins.gateway(&[1; 4], "balance: { consistent_hash: { key: { header: x-key }, bounded_load: 1.25 } }").await;
    let (mut holding, mut counts) = (JoinSet::new(), [0; 4]);
    for _ in 0..16 {
        hold(&gateway, &[("x-key", "hot")], &mut holding);
        counts[origins.held().await] += 1;
    }
    // A quarter of 16, and a quarter more.
    assert!(counts.iter().all(|count| (1..=5).contains(count)), "{counts:?}");
    assert_eq!(counts.iter().max(), Some(&5), "the owner has all that it may have: {counts:?}");
    origins.let_go();
}

/// The one cookie that an answer sets, up to its attributes.
fn cookie(answer: &Answer) -> Option<String> {
    match all(answer, "set-cookie")[..] {
        [] => None,
        [cookie] => Some(cookie.split(';').next().unwrap().to_owned()),
        ref cookies => panic!("{cookies:?}"),
    }
}

async fn with_cookie(gateway: &Gateway, cookie: &str) -> Answer {
    ask(gateway, with_fields(Method::GET, "/", &[("cookie", cookie)])).await
}

#[tokio::test]
async fn a_cookie_leads_back() {
    let origins = Origins::start(3).await;
    let gateway = origins.gateway(&[1, 1, 1], "balance: { sticky: { ttl: 1h } }").await;
    for _ in 0..6 {
        let first = ask(&gateway, request(Method::GET, "/")).await;
        let set = all(&first, "set-cookie")[0];
        assert!(set.starts_with("sluice-origin="), "{set}");
        assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"), "{set}");
        let cookie = cookie(&first).unwrap();
        for _ in 0..4 {
            let again = with_cookie(&gateway, &format!("a=b; {cookie}")).await;
            assert_eq!((again.text(), all(&again, "set-cookie").len()), (first.text(), 0));
            let mut http2 = gateway.h2c().await;
            let again = http2.fetch(with_fields(Method::GET, "/", &[("cookie", "a=b"), ("cookie", &cookie)])).await;
            assert_eq!((again.text(), all(&again, "set-cookie").len()), (first.text(), 0));
        }
    }
    let bound = gateway.metrics().await.value("sluice_upstream_clients_bound_total", &[]);
    assert_eq!(bound, Some(6.0));
    let secure = ask(&gateway, with_fields(Method::GET, "/", &[("x-forwarded-proto", "https")])).await;
    assert!(all(&secure, "set-cookie")[0].ends_with("; Secure"));
}

#[tokio::test]
async fn a_cookie_that_is_not_ours_is_replaced() {
    let origins = Origins::start(2).await;
    let gateway = origins.gateway(&[1, 1], "balance: { sticky: { cookie: session } }").await;
    for forged in ["session=0123456789abcdef", "session=x", "session=", "session=127.0.0.1"] {
        let answer = with_cookie(&gateway, forged).await;
        let replaced = cookie(&answer).expect("a cookie");
        assert_eq!(with_cookie(&gateway, &replaced).await.text(), answer.text());
    }
}

#[tokio::test]
async fn a_cookie_outlives_a_reload_but_not_its_endpoint() {
    let origins = Origins::start(3).await;
    let gateway = origins.gateway(&[1, 1], "balance: sticky").await;
    let first = ask(&gateway, request(Method::GET, "/")).await;
    let (cookie, owner): (_, usize) = (cookie(&first).unwrap(), first.text().parse().unwrap());

    gateway.reload_and_wait(&origins.document(&[2, 1, 5], "balance: { sticky: { ttl: 1h } }")).await;
    for _ in 0..4 {
        let again = with_cookie(&gateway, &cookie).await;
        assert_eq!((again.text(), all(&again, "set-cookie").len()), (first.text(), 0));
    }

    let mut weights = [1, 1, 1];
    weights[owner] = 0;
    gateway.reload_and_wait(&origins.document(&weights, "balance: sticky")).await;
    let elsewhere = with_cookie(&gateway, &cookie).await;
    assert_ne!(elsewhere.text(), first.text());
    assert_ne!(self::cookie(&elsewhere).expect("another cookie"), cookie);
}

#[tokio::test]
async fn gateways_with_one_secret_take_each_others_cookies() {
    let origins = Origins::start(3).await;
    let with_secret = |secret: &str| format!("balance: {{ sticky: {{ secret: {secret} }} }}");
    let one = origins.gateway(&[1, 1, 1], &with_secret("0123456789abcdef")).await;
    let same = origins.gateway(&[1, 1, 1], &with_secret("0123456789abcdef")).await;
    let other = origins.gateway(&[1, 1, 1], "balance: sticky").await;
    for _ in 0..3 {
        let first = ask(&one, request(Method::GET, "/")).await;
        let cookie = cookie(&first).unwrap();
        let there = with_cookie(&same, &cookie).await;
        assert_eq!((there.text(), all(&there, "set-cookie").len()), (first.text(), 0));
        assert_eq!(all(&with_cookie(&other, &cookie).await, "set-cookie").len(), 1);
    }
}

#[tokio::test]
async fn secrets_come_from_files_and_are_read_again() {
    let origins = Origins::start(1).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let document =
        origins.document(&[1], &format!("balance: {{ sticky: {{ secret: {{ file: \"{}\" }} }} }}", file.display()));

    let refused = testkit::gateway::Process::with(&document).try_start().await.unwrap_err();
    assert!(refused.stderr.contains("upstream `origin`: file "), "{}", refused.stderr);

    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let gateway = Gateway::start(&document).await;
    let before = cookie(&ask(&gateway, request(Method::GET, "/")).await).unwrap();
    std::fs::write(&file, "fedcba9876543210\n").unwrap();
    eventually("the new secret is in use", async || {
        cookie(&with_cookie(&gateway, &before).await).filter(|cookie| *cookie != before)
    })
    .await;
}

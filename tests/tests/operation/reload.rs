//! Documents that change while traffic flows.

use std::{collections::HashSet, fs, net::SocketAddr, sync::Arc};

use http::{StatusCode, Version};
use rustls::ClientConfig;
use testkit::{
    certs::Authority,
    client::{self, Client, Load},
    eventually,
    gateway::{Metrics, Process, Signal},
    origin::Origin,
    tls,
};
use tokio::net::{TcpListener, TcpStream};

use crate::held::Held;

/// A document with one listener, whose route answers with this text.
fn answering(text: &str) -> String {
    format!(
        r#"
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
routes: [{{ name: all, respond: {{ body: {text} }} }}]
"#
    )
}

/// Documents that were loaded, or refused, as the metric counts them.
fn reloads(metrics: &Metrics, result: &str) -> f64 {
    metrics.value("sluice_config_reload_total", &[("result", result)]).unwrap_or_default()
}

async fn refused(gateway: &Process, times: f64) {
    let question = |metrics: &Metrics| (reloads(metrics, "failure") >= times).then_some(());
    gateway.metrics_until("the document is refused", question).await;
}

#[tokio::test]
async fn a_saved_document_becomes_live() {
    let gateway = Process::start(&answering("one")).await;
    let mut kept = Client::http1(gateway.address("web")).await;
    assert_eq!(kept.get("/").await.text(), "one");
    gateway.reload_and_wait(&answering("two")).await;
    assert_eq!(kept.get("/").await.text(), "two", "on the connection that was there");
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "two");
    let are_two = |metrics: &Metrics| (reloads(metrics, "success") == 2.0).then_some(());
    gateway.metrics_until("the start counts as the first", are_two).await;
}

/// Not only routes: endpoints, limits, policies, and whether a listener has TLS, where it is.
#[tokio::test]
async fn everything_changes_live() {
    let (one, other) = (Origin::text("one").await, Origin::text("other").await);
    let authority = Authority::new();
    let identity = authority.server("web", &["web.test"]);
    let document = |listener: &str, origin: &Origin, route: &str| {
        format!(
            r#"
listeners: [{{ name: web, address: "127.0.0.1:0", {listener} }}]
upstreams: [{{ name: origin, endpoints: ["{}"] }}]
routes: [{{ name: all, upstream: origin, {route} }}]
"#,
            origin.address
        )
    };
    let gateway = Process::start(&document("", &one, "")).await;
    let address = gateway.address("web");
    assert_eq!(client::get(address, "/").await.text(), "one");

    gateway
        .reload_and_wait(&document("", &other, "policies: [{ headers: { response: { set: { x-new: \"1\" } } } }]"))
        .await;
    let answer = client::get(address, "/").await;
    assert_eq!((answer.text(), answer.field("x-new")), ("other", Some("1")));

    gateway.reload_and_wait(&document("limits: { uri_bytes: 16 }", &other, "")).await;
    let long = format!("/{}", "a".repeat(16));
    assert_eq!(client::get(address, &long).await.status, StatusCode::URI_TOO_LONG);

    let (cert, key) = (identity.cert.display(), identity.key.display());
    let secure = format!("tls: {{ certificates: [{{ cert: \"{cert}\", key: \"{key}\" }}] }}");
    gateway.reload_and_wait(&document(&secure, &one, "")).await;
    let mut over_tls = Client::tls(address, "web.test", tls::Client::trusting(&authority).build()).await;
    assert_eq!((over_tls.get("/").await.text(), gateway.address("web")), ("one", address));
}

#[tokio::test]
async fn sighup_reloads() {
    let gateway = Process::start(&answering("same")).await;
    for generation in [2.0, 3.0] {
        gateway.signal(Signal::HUP);
        let live = |metrics: &Metrics| (reloads(metrics, "success") == generation).then_some(());
        gateway.metrics_until("reloaded", live).await;
    }
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "same");
    assert_eq!(gateway.generation().await, 3.0);
}

/// Not only the document matters, but also what it includes, and what it would include if it were there.
#[tokio::test]
async fn included_files_are_watched() {
    let gateway = Process::start(&answering("rest")).await;
    let folder = gateway.directory().join("conf.d");
    fs::create_dir(&folder).unwrap();
    gateway.reload_and_wait(&format!("include: [conf.d/*.yaml]\n{}", answering("rest"))).await;
    let address = gateway.address("web");
    for (file, path, text) in [("a.yaml", "/a", "added"), ("a.yaml", "/a", "changed"), ("b.yaml", "/b", "another")] {
        let route = format!("routes: [{{ name: {file}, match: {{ path: {path} }}, respond: {{ body: {text} }} }}]\n");
        fs::write(folder.join(file), route).unwrap();
        let is_live = async || (client::get(address, path).await.text() == text).then_some(());
        eventually(text, is_live).await;
    }
    fs::remove_file(folder.join("b.yaml")).unwrap();
    let is_gone = async || (client::get(address, "/b").await.text() == "rest").then_some(());
    eventually("the route of a file that was removed is gone", is_gone).await;
}

/// Whatever is wrong, nothing changes, and the terminal says why with its place.
#[tokio::test]
async fn a_bad_document_changes_nothing() {
    let in_use = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = format!(
        "listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n  - {{ name: taken, address: \"{}\" }}\n",
        in_use.local_addr().unwrap()
    );
    // The lines count from those that the kit puts in front: version and gateway.
    let cases = [
        ("listeners: [\n", "sluice.yaml:3:", "close it"),
        ("listenres: []\n", "sluice.yaml:3:1: ", "listeners"),
        ("listeners: []\nroutes: [{ name: a, upstream: nobody }]\n", "sluice.yaml:4:", "nobody"),
        (
            "listeners:\n  - { name: web, address: \"127.0.0.1:0\" }\nroutes: [{ name: a, respond: { status: 99 } }]\n",
            "sluice.yaml:5:",
            "99",
        ),
        (
            "listeners:\n  - name: web\n    address: \"127.0.0.1:0\"\n    tls: { certificates: [{ cert: no.pem, key: no.key }] }\n",
            "sluice.yaml:4:",
            "no.",
        ),
        (&taken, "sluice.yaml:5:", "in use"),
        (
            "listeners:\n  - { name: web, address: \"127.0.0.1:0\" }\nroutes:\n  - { name: a, respond: {} }\n  - { name: b, respond: { status: 204 } }\n",
            "sluice.yaml:7:",
            "`b` is never taken",
        ),
    ];
    let gateway = Process::start(&answering("good")).await;
    let mut kept = Client::http1(gateway.address("web")).await;
    assert_eq!(kept.get("/").await.text(), "good");
    for (times, (document, place, word)) in (1..).map(f64::from).zip(cases) {
        let said = gateway.stderr().len();
        gateway.write_document(document);
        refused(&gateway, times).await;
        let told = eventually("why", async || {
            let said = gateway.stderr()[said..].to_owned();
            said.contains("nothing changed").then_some(said)
        })
        .await;
        assert!(told.contains(place) && told.contains(word), "{document}: expected {place} and {word}, found\n{told}");
        assert_eq!(kept.get("/").await.text(), "good");
        assert_eq!((gateway.generation().await, reloads(&gateway.metrics().await, "failure")), (1.0, times));
    }
    gateway.reload_and_wait(&answering("better")).await;
    assert_eq!(kept.get("/").await.text(), "better");
}

/// Saved again and again while requests flow: none fails, no connection is lost, on neither side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_harm_nobody() {
    const CLIENTS: usize = 4;
    let origin = Origin::text("steady").await;
    let document = |number: u32| {
        format!(
            r#"
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: steady, endpoints: ["{0}"] }}
  - {{ name: changing, endpoints: ["{0}"], timeouts: {{ first_byte: {1}s }} }}
routes:
  - {{ name: steady, match: {{ path: /steady }}, upstream: steady }}
  - {{ name: "number-{number}", match: {{ path: /{number} }}, upstream: changing }}
"#,
            origin.address,
            10 + number
        )
    };
    let gateway = Process::start(&document(0)).await;
    let address = gateway.address("web");
    let http1 = Load::start(CLIENTS, "/steady", move || Client::http1(address));
    let http2 = Load::start(CLIENTS, "/steady", move || Client::h2c(address));
    for number in 1..=100 {
        gateway.reload_and_wait(&document(number)).await;
        http1.more(1).await;
        http2.more(1).await;
    }
    for tally in [http1.stop().await, http2.stop().await] {
        assert!(tally.unharmed() >= 100);
        assert_eq!(tally.reconnects, 0);
    }
    // At most one for each client that asked at the same time.
    assert!(origin.counts.connections() <= 2 * CLIENTS, "{} connections to the endpoint", origin.counts.connections());
    assert_eq!(client::get(address, "/100").await.text(), "steady");
    assert_eq!(client::get(address, "/99").await.status, StatusCode::NOT_FOUND);
}

/// What began in a world ends in it, also when the next world does not have the endpoint any more.
#[tokio::test]
async fn exchanges_under_way_keep_their_world() {
    let held = Held::start().await;
    let document = format!(
        r#"
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams: [{{ name: held, endpoints: ["{}"] }}]
routes: [{{ name: all, upstream: held }}]
"#,
        held.origin.address
    );
    let gateway = Process::start(&document).await;
    let (mut http1, mut http2) = clients(gateway.address("web")).await;
    let asking = tokio::spawn(async move { tokio::join!(http1.get("/"), http2.get("/")) });
    held.has(2).await;
    gateway.reload_and_wait(&answering("new")).await;
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "new");
    held.release();
    let (http1, http2) = asking.await.unwrap();
    assert_eq!((http1.text(), http2.text()), ("at last", "at last"));
}

async fn clients(address: SocketAddr) -> (Client, Client) {
    (Client::http1(address).await, Client::h2c(address).await)
}

/// Listeners come, go and move, and connections of the others are not touched.
#[tokio::test]
async fn listeners_come_and_go() {
    let held = Held::start().await;
    let document = |more: &str| {
        format!(
            r#"
listeners:
  - {{ name: web, address: "127.0.0.1:0" }}
{more}
upstreams: [{{ name: held, endpoints: ["{}"] }}]
routes:
  - {{ name: held, match: {{ path: /held }}, upstream: held }}
  - {{ name: rest, respond: {{ body: here }} }}
"#,
            held.origin.address
        )
    };
    let gateway = Process::start(&document("")).await;
    let address = gateway.address("web");
    let others = Load::start(2, "/", move || Client::http1(address));

    gateway.reload_and_wait(&document("  - { name: more, address: \"127.0.0.1:0\" }")).await;
    let more = gateway.added_address("more").await;
    let (mut http1, mut http2) = clients(more).await;
    assert_eq!((http1.get("/").await.text(), http2.get("/").await.text()), ("here", "here"));
    assert_eq!(gateway.address("web"), address);

    // It moves: new connections are at the new place, and exchanges that were under way finish at the old one.
    let mut busy = http2.copy();
    let asking = tokio::spawn(async move { tokio::join!(http1.get("/held"), busy.get("/held")) });
    held.has(2).await;
    gateway.reload_and_wait(&document("  - { name: more, address: \"127.0.0.2:0\" }")).await;
    let moved =
        eventually("the new place", async || Some(gateway.address("more")).filter(|moved| *moved != more)).await;
    assert_eq!(client::get(moved, "/").await.text(), "here");
    is_closed(more).await;
    held.release();
    let (over_http1, over_http2) = asking.await.unwrap();
    assert_eq!((over_http1.text(), over_http1.field("connection")), ("at last", Some("close")));
    assert_eq!(over_http2.text(), "at last");
    assert!(!http2.is_ready().await, "the connection ends with its last exchange");

    gateway.reload_and_wait(&document("")).await;
    is_closed(moved).await;
    let tally = others.stop().await;
    tally.unharmed();
    assert_eq!(tally.reconnects, 0);
}

/// Nobody listens there any more.
async fn is_closed(address: SocketAddr) {
    let refused = async || TcpStream::connect(address).await.is_err().then_some(());
    eventually("nobody listens there", refused).await;
}

/// A gateway with a certificate, and how a client talks to it.
async fn secure(authority: &Authority) -> (Process, Arc<ClientConfig>) {
    let identity = authority.server("web", &["web.test"]);
    let gateway = Process::start(&format!(
        r#"
listeners:
  - name: web
    address: "127.0.0.1:0"
    tls: {{ certificates: [{{ cert: "{}", key: "{}" }}] }}
routes: [{{ name: all, respond: {{ body: secure }} }}]
"#,
        identity.cert.display(),
        identity.key.display()
    ))
    .await;
    (gateway, tls::Client::trusting(authority).alpn(&["h2"]).build())
}

/// Certificates are renewed in their files, while hands are shaken: each client gets a whole pair, the last one soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_swapped_under_handshakes() {
    const SWAPS: usize = 10;
    let authority = Authority::new();
    let (gateway, config) = secure(&authority).await;
    let address = gateway.address("web");
    let mut kept = Client::tls(address, "web.test", config.clone()).await;
    assert_eq!(kept.get("/").await.version, Version::HTTP_2);

    let mut issued = HashSet::from([tls::shown(address, "web.test", config.clone()).await.unwrap()]);
    let (stop, stopped) = tokio::sync::watch::channel(());
    let shaking = (0..4).map(|_| {
        let (config, stopped) = (config.clone(), stopped.clone());
        tokio::spawn(async move {
            let mut shown = Vec::new();
            while !stopped.has_changed().unwrap() || shown.len() < 50 {
                shown.push(tls::shown(address, "web.test", config.clone()).await.unwrap());
            }
            shown
        })
    });
    let shaking: Vec<_> = shaking.collect();
    for _ in 0..SWAPS {
        let renewed = authority.server("web", &["web.test"]).leaf;
        issued.insert(renewed.clone());
        let is_shown =
            async || (tls::shown(address, "web.test", config.clone()).await.unwrap() == renewed).then_some(());
        eventually("the renewed certificate", is_shown).await;
    }
    stop.send_replace(());
    let mut seen = HashSet::new();
    for shown in shaking {
        seen.extend(shown.await.unwrap());
    }
    assert!(seen.is_subset(&issued), "a certificate that nobody issued");
    assert!(seen.len() > 1, "nothing was swapped meanwhile");
    assert_eq!(kept.get("/").await.text(), "secure", "on the connection that was there");
}

/// A key that does not go with its certificate is refused, and mended later.
#[tokio::test]
async fn a_renewal_that_is_not_whole_waits() {
    let authority = Authority::new();
    let (gateway, config) = secure(&authority).await;
    let address = gateway.address("web");
    let before = tls::shown(address, "web.test", config.clone()).await.unwrap();
    let other = authority.server("other", &["web.test"]);
    let key = authority.directory().join("web.key");
    fs::copy(&other.key, &key).unwrap();
    refused(&gateway, 1.0).await;
    gateway.says("web.key").await;
    assert_eq!(tls::shown(address, "web.test", config.clone()).await.unwrap(), before);
    fs::copy(&other.cert, authority.directory().join("web.pem")).unwrap();
    let is_shown =
        async || (tls::shown(address, "web.test", config.clone()).await.unwrap() == other.leaf).then_some(());
    eventually("the renewed certificate", is_shown).await;
}

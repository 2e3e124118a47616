use std::{
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http::Method;
use model::{ConsulService, FromText, Registration, Secret, UpstreamTls, values::HttpUrl, values::SecretSource};
use serde_json::{Value, json};
use testkit::{
    certs::Authority,
    client,
    consul::{Consul, Fault, Instance, Real, Settings, Status},
    eventually,
    faults::{Direction, FaultProxy},
};
use tokio::task::JoinHandle;
use upstream::discovery::{self, Answer, Failure, FailureKind, Hear};

use super::{Agent, blocking, health, watch};
use crate::Entries;

/// What a watch told, in order; the watch ends with it.
struct Watched {
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Heard(Mutex<Vec<Result<Answer, Failure>>>);

impl Hear for Heard {
    fn answered(&self, answer: Answer) {
        self.0.lock().unwrap().push(Ok(answer));
    }

    fn failed(&self, failure: Failure) {
        self.0.lock().unwrap().push(Err(failure));
    }
}

impl Watched {
    fn start(settings: model::Consul, service: &ConsulService) -> Self {
        let heard = Arc::new(Heard::default());
        let task = tokio::spawn(watch(&Agent::new(settings), service, heard.clone()));
        Self { heard, task }
    }

    fn count(&self) -> usize {
        self.heard.0.lock().unwrap().len()
    }

    /// Waits until the last that was told is an answer of these, each as `id address weight status`.
    #[track_caller]
    fn has<'a>(&'a self, expected: &'a [&'a str]) -> impl Future<Output = ()> + 'a {
        eventually("the answer", async move || {
            let heard = self.heard.0.lock().unwrap();
            let answer = heard.last()?.as_ref().ok()?;
            let told = answer.instances.iter().map(|instance| {
                let discovery::Instance { id, address, weight, status, .. } = instance;
                format!("{id} {address} {weight} {status:?}")
            });
            (told.collect::<Vec<_>>() == expected).then_some(())
        })
    }

    /// Waits until a failure of this kind is told, and says what it says.
    #[track_caller]
    fn fails(&self, kind: FailureKind) -> impl Future<Output = String> {
        eventually("the failure", async move || {
            let heard = self.heard.0.lock().unwrap();
            heard
                .iter()
                .find_map(|told| told.as_ref().err().filter(|failure| failure.kind == kind))
                .map(ToString::to_string)
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// No wait is so short that a test passes by waiting for it.
const LONG: Duration = Duration::from_secs(300);

fn settings(url: &str) -> model::Consul {
    model::Consul { address: HttpUrl::from_text(url).unwrap(), wait: LONG, ..model::Consul::default() }
}

fn service(name: &str) -> ConsulService {
    ConsulService { service: name.into(), tags: Vec::new(), datacenter: None, namespace: None }
}

fn instance(id: &str, port: u16) -> Instance {
    Instance::new("users", id, SocketAddr::from(([10, 0, 0, 1], port)))
}

async fn put(address: SocketAddr, path: &str, body: Value) {
    let request = client::request(Method::PUT, path).map(|_| testkit::body::full(body.to_string()));
    let answer = client::Client::http1(address).await.fetch(request).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
}

/// Holds for the real one as well, where there is one.
#[tokio::test]
async fn what_changes_is_told() {
    async fn changes_are_told(url: &str, address: SocketAddr) {
        let tagged = ConsulService { tags: vec!["prod".into(), "a".into()], ..service("web") };
        let (all, tagged) = (Watched::start(settings(url), &service("web")), Watched::start(settings(url), &tagged));
        all.has(&[]).await;
        let register = async |id: &str, tags: Value, check: &str| {
            let check = json!({ "CheckID": format!("of-{id}"), "TTL": "10m", "Status": check });
            let weights = json!({ "Passing": 10, "Warning": 3 });
            let body = json!({ "ID": id, "Name": "web", "Address": "10.0.0.1", "Port": 80, "Tags": tags, "Check": check, "Weights": weights });
            put(address, "/v1/agent/service/register", body).await;
        };
        register("w1", json!(["prod"]), "passing").await;
        register("w2", json!(["a", "prod"]), "warning").await;
        let told = |heard: &Watched| {
            let heard = heard.heard.0.lock().unwrap();
            let Some(Ok(answer)) = heard.last() else { return Vec::new() };
            let of = |instance: &discovery::Instance| {
                // How nodes are called is their own business.
                let id = instance.id.rsplit('/').next().unwrap_or_default().to_owned();
                format!("{id} {} {:?}", instance.weight, instance.status)
            };
            let mut told: Vec<_> = answer.instances.iter().map(of).collect();
            told.sort();
            told
        };
        let until = |watched, expected: &'static [&'static str]| {
            eventually("the answer", async move || (told(watched) == expected).then_some(()))
        };
        until(&all, &["w1 10 Up", "w2 3 Up"]).await;
        until(&tagged, &["w2 3 Up"]).await;
        put(address, "/v1/agent/check/fail/of-w2", Value::Null).await;
        until(&tagged, &["w2 10 Down"]).await;
        put(address, "/v1/agent/service/maintenance/w1?enable=true", Value::Null).await;
        until(&all, &["w1 10 Draining", "w2 10 Down"]).await;
        put(address, "/v1/agent/service/deregister/w2", Value::Null).await;
        until(&all, &["w1 10 Draining"]).await;
        until(&tagged, &[]).await;
    }

    let fake = Consul::start().await;
    changes_are_told(&fake.url(), fake.address).await;
    if let Some(real) = Real::start().await {
        changes_are_told(&real.url(), real.address).await;
    }
}

#[tokio::test]
async fn questions_name_what_is_wanted() {
    let consul = Consul::start().await;
    let wanted = ConsulService { datacenter: Some("dc1".into()), namespace: Some("a b".into()), ..service("a/b?") };
    let mut settings = settings(&consul.url());
    settings.datacenter = Some("other".into());
    let watched = Watched::start(settings, &wanted);
    consul.is_watched_by(1).await;
    let index = consul.index();
    assert_eq!(
        consul.asked(),
        [
            "/v1/health/service/a%2Fb%3F?dc=dc1&ns=a%20b".to_owned(),
            format!("/v1/health/service/a%2Fb%3F?dc=dc1&ns=a%20b&index={index}&wait=300000ms"),
        ]
    );
    assert_eq!(watched.count(), 1);
}

/// Who goes on with an index that is ahead waits for what never comes.
#[tokio::test]
async fn an_index_that_goes_backward_begins_anew() {
    let consul = Consul::start().await;
    consul.put(instance("u1", 1));
    let watched = Watched::start(settings(&consul.url()), &service("users"));
    watched.has(&["node-1/u1 10.0.0.1:1 1 Up"]).await;
    consul.is_watched_by(1).await;
    consul.set_index(3);
    consul.put(instance("u2", 2));
    watched.has(&["node-1/u1 10.0.0.1:1 1 Up", "node-1/u2 10.0.0.1:2 1 Up"]).await;
    consul.is_watched_by(1).await;
    consul.set_index(2);
    consul.is_watched_by(1).await;
    consul.remove("u1");
    watched.has(&["node-1/u2 10.0.0.1:2 1 Up"]).await;
}

/// Something on the way may not know blocking queries, and what flaps is told less often than it does.
#[tokio::test]
async fn nobody_is_asked_without_a_pause() {
    let consul = Consul::start().await;
    consul.put(instance("u1", 1));
    let (begun, flapping) = (Instant::now(), consul.flap(["users"], Duration::from_millis(5)));
    let watched = Watched::start(settings(&consul.url()), &service("users"));
    eventually("six answers", async || (watched.count() >= 6).then_some(())).await;
    assert!(begun.elapsed() >= 5 * health::BETWEEN, "{:?}", begun.elapsed());
    drop((flapping, watched));

    consul.fault(Fault::Restless);
    let begun = Instant::now();
    let watched = Watched::start(settings(&consul.url()), &service("users"));
    // The first says what there is, the second that there is nothing new.
    eventually("three answers", async || (watched.count() >= 3).then_some(())).await;
    assert!(begun.elapsed() >= health::BETWEEN + blocking::BETWEEN_SAME, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_fails_is_told_by_its_kind_and_tried_again() {
    for (fault, kind, says) in [
        (Fault::Status(500), FailureKind::Refused, "500 Internal Server Error: the fake agent was told to fail"),
        (Fault::Status(503), FailureKind::Refused, "503"),
        (Fault::Status(429), FailureKind::Refused, "429"),
        (Fault::Status(404), FailureKind::Malformed, "404"),
        (Fault::Status(403), FailureKind::Denied, "403"),
        (Fault::NoLeader, FailureKind::Refused, "the agent knows no leader"),
        (Fault::Garbage("<html>".to_owned()), FailureKind::Malformed, "no list of instances"),
        (Fault::Garbage("null".to_owned()), FailureKind::Malformed, "no list of instances"),
        (Fault::Cut, FailureKind::Unreachable, "consul at http://"),
    ] {
        let consul = Consul::start().await;
        consul.put(instance("u1", 1));
        let watched = Watched::start(settings(&consul.url()), &service("users"));
        watched.has(&["node-1/u1 10.0.0.1:1 1 Up"]).await;
        consul.is_watched_by(1).await;
        consul.fault(fault.clone());
        let failure = watched.fails(kind).await;
        assert!(failure.contains(says), "{fault:?}: {failure}");
        assert!(failure.contains(&consul.url()), "{fault:?}: {failure}");
        consul.put(instance("u1", 2));
        consul.heal();
        watched.has(&["node-1/u1 10.0.0.1:2 1 Up"]).await;
    }
}

#[tokio::test]
async fn an_agent_that_is_started_anew_is_asked_anew() {
    let consul = Consul::start().await;
    consul.put(instance("u1", 1));
    consul.put(instance("u2", 2));
    let watched = Watched::start(settings(&consul.url()), &service("users"));
    watched.has(&["node-1/u1 10.0.0.1:1 1 Up", "node-1/u2 10.0.0.1:2 1 Up"]).await;
    consul.kill();
    let failure = watched.fails(FailureKind::Unreachable).await;
    assert!(failure.contains(&consul.url()), "{failure}");
    consul.forget();
    consul.put(instance("u3", 3));
    consul.restart().await;
    watched.has(&["node-1/u3 10.0.0.1:3 1 Up"]).await;
}

/// The connection stays open, and nothing comes.
#[tokio::test]
async fn a_network_that_swallows_everything_is_noticed() {
    let consul = Consul::start().await;
    consul.put(instance("u1", 1));
    let network = FaultProxy::start(consul.address).await;
    let settings =
        model::Consul { wait: Duration::from_millis(100), ..settings(&format!("http://{}", network.address)) };
    let watched = Watched::start(settings, &service("users"));
    watched.has(&["node-1/u1 10.0.0.1:1 1 Up"]).await;
    network.set(Direction::ToClient, [testkit::faults::Fault::Blackhole]);
    let failure = watched.fails(FailureKind::Unreachable).await;
    assert!(failure.contains("no answer within"), "{failure}");
    network.heal();
    network.reset_all();
    consul.set_status("u1", Status::Critical);
    watched.has(&["node-1/u1 10.0.0.1:1 1 Down"]).await;
}

#[tokio::test]
async fn tokens_are_read_anew_when_they_are_refused() {
    let consul = Consul::with(Settings { token: Some("new".to_owned()), ..Settings::default() }).await;
    consul.put(instance("u1", 1));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let token = |source| model::Consul { token: Some(source), ..settings(&consul.url()) };
    let watched = Watched::start(token(SecretSource::File(file.clone())), &service("users"));
    let failure = watched.fails(FailureKind::Denied).await;
    assert!(failure.contains(&file.display().to_string()), "{failure}");
    fs::write(&file, "old\n").unwrap();
    eventually("it was refused", async || consul.asked().first().map(drop)).await;
    fs::write(&file, "new\n").unwrap();
    watched.has(&["node-1/u1 10.0.0.1:1 1 Up"]).await;
    let told = format!("{:?}", watched.heard.0.lock().unwrap());
    assert!(told.contains("403 Forbidden: Permission denied") && !told.contains("old\""), "{told}");

    let watched = Watched::start(token(SecretSource::Text(Secret::new("two\nlines"))), &service("users"));
    let failure = watched.fails(FailureKind::Denied).await;
    assert!(failure.contains("a secret in the document: no token") && !failure.contains("lines"), "{failure}");
}

fn registration(ttl: Duration) -> Registration {
    Registration {
        place: model::Place { file: "sluice.yaml".into(), line: 1, column: 1 },
        consul: true,
        etcd: false,
        eureka: false,
        service: "gateway".into(),
        id: None,
        host: "10.0.0.7".into(),
        port: 8080,
        is_tls: false,
        labels: vec![("zone".into(), "a".into())],
        ttl,
    }
}

fn registries(consul: model::Consul) -> model::Registries {
    model::Registries { consul, ..model::Registries::default() }
}

/// Holds for the real one as well, where there is one.
#[tokio::test]
async fn the_gateway_is_registered_until_it_leaves() {
    async fn comes_and_goes(url: &str) {
        let watched = Watched::start(settings(url), &service("gateway"));
        let entries = Entries::start(&registries(settings(url)), &registration(Duration::from_secs(30)));
        let told = |watched: &Watched| watched.heard.0.lock().unwrap().last().cloned();
        let instance = eventually("it is there", async || told(&watched)?.ok()?.instances.pop()).await;
        assert!(instance.id.ends_with("/gateway-10.0.0.7-8080"), "{}", instance.id);
        assert_eq!(instance.address.to_string(), "10.0.0.7:8080");
        assert_eq!(instance.status, discovery::Status::Up);
        let labels: Vec<_> = instance.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(labels, ["secure=false", "zone=a"]);
        entries.leave().await;
        eventually("it is gone", async || told(&watched)?.ok()?.instances.is_empty().then_some(())).await;
    }

    let fake = Consul::start().await;
    comes_and_goes(&fake.url()).await;
    if let Some(real) = Real::start().await {
        comes_and_goes(&real.url()).await;
    }
}

#[tokio::test]
async fn the_gateway_stays_registered() {
    let consul = Consul::start().await;
    let entries = Entries::start(&registries(settings(&consul.url())), &registration(Duration::from_millis(300)));
    consul.has("gateway", 1).await;
    let passes = || consul.asked().iter().filter(|asked| asked.starts_with("/v1/agent/check/pass/")).count();
    eventually("some heartbeats", async || (passes() >= 3).then_some(())).await;
    // An agent that was started anew knows nobody.
    consul.forget();
    consul.has("gateway", 1).await;
    // As is one that comes back later.
    consul.kill();
    consul.forget();
    consul.restart().await;
    consul.has("gateway", 1).await;
    entries.leave().await;
    assert!(consul.instances("gateway").is_empty());
}

/// It should be gone soon after it stopped renewing.
#[tokio::test]
async fn a_gateway_that_was_killed_is_critical_after_its_ttl() {
    let consul = Consul::start().await;
    let entries = Entries::start(&registries(settings(&consul.url())), &registration(Duration::from_millis(300)));
    consul.has("gateway", 1).await;
    drop(entries);
    consul.has("gateway", 0).await;
    assert_eq!(consul.instances("gateway")[0].status(), Status::Critical);
}

/// A registry that says nothing does not keep a drain waiting.
#[tokio::test]
async fn leaving_ends_whatever_the_registry_does() {
    let consul = Consul::start().await;
    let entries = Entries::start(&registries(settings(&consul.url())), &registration(LONG));
    consul.has("gateway", 1).await;
    consul.fault(Fault::Hang);
    testkit::within(testkit::PATIENCE, entries.leave()).await;
    assert_eq!(consul.instances("gateway").len(), 1);
}

#[tokio::test]
async fn tls_and_tokens_hold_for_all_that_is_asked() {
    let authority = Authority::new();
    let tls = testkit::tls::server(&authority.server("consul", &["127.0.0.1"]), &["http/1.1"], None);
    let consul = Consul::with(Settings { token: Some("t".to_owned()), tls: Some(tls) }).await;
    let settings = model::Consul {
        token: Some(SecretSource::Text(Secret::new("t"))),
        tls: UpstreamTls { ca: Some(authority.ca()), ..UpstreamTls::default() },
        ..settings(&consul.url())
    };
    let entries = Entries::start(&registries(settings.clone()), &registration(LONG));
    let watched = Watched::start(settings.clone(), &service("gateway"));
    watched.has(&["node-1/gateway-10.0.0.7-8080 10.0.0.7:8080 1 Up"]).await;
    entries.leave().await;
    watched.has(&[]).await;

    // Whom nobody vouches for is not asked.
    let other = UpstreamTls { ca: Some(Authority::new().ca()), ..settings.tls.clone() };
    let watched = Watched::start(model::Consul { tls: other, ..settings }, &service("gateway"));
    watched.fails(FailureKind::Unreachable).await;
}

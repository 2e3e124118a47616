use std::{fs, net::SocketAddr, time::Duration};

use model::{Eureka, FromText, Place, Registration, Secret, UpstreamTls, values::SecretSource};
use testkit::{
    certs::Authority,
    eureka::{EurekaServer, Fault, instance},
    eventually,
    origin::Settings,
};
use upstream::discovery::{Answer, FailureKind};

use super::*;
use crate::{
    heard::{Heard, brief},
    registration::Entry as _,
};

fn settings(servers: &[&EurekaServer]) -> Eureka {
    Eureka {
        servers: servers.iter().map(|server| FromText::from_text(&server.url).unwrap()).collect(),
        user: None,
        tls: UpstreamTls { server_name: None, ca: None, client_certificate: None },
        interval: Duration::from_millis(50),
    }
}

fn follow(shared: &Shared, app: &str) -> Heard {
    let service = EurekaService { app: app.into(), vip: None, is_secure: false };
    Heard::from(|hear| watch(shared, &service, hear))
}

fn at(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 8080))
}

/// How often the whole, and how often what changed, was asked for.
fn asked(server: &EurekaServer) -> (usize, usize) {
    (server.times("GET /apps"), server.times("GET /apps/delta"))
}

async fn asked_for_changes(server: &EurekaServer, times: usize) {
    let before = asked(server).1;
    eventually("changes are asked for", async || (asked(server).1 >= before + times).then_some(())).await;
}

#[tokio::test]
async fn the_whole_is_asked_for_once_and_then_what_changed() {
    let server = EurekaServer::start().await;
    server.up("ORDERS", "a", at(1));
    server.up("USERS", "u", at(9));
    let shared = Shared::new(settings(&[&server]));
    let mut heard = follow(&shared, "ORDERS");
    heard.instances(&["10.0.0.1:8080"]).await;

    server.up("ORDERS", "b", at(2));
    heard.instances(&["10.0.0.1:8080", "10.0.0.2:8080"]).await;
    server.put(instance("ORDERS", "a", at(1), "OUT_OF_SERVICE"));
    heard.instances(&["10.0.0.1:8080 Draining", "10.0.0.2:8080"]).await;
    server.remove("ORDERS", "a");
    heard.instances(&["10.0.0.2:8080"]).await;
    server.remove("ORDERS", "b");
    heard.instances(&[]).await;
    assert_eq!(asked(&server).0, 1);
}

#[tokio::test]
async fn all_watches_share_what_is_asked() {
    let server = EurekaServer::start().await;
    server.up("ORDERS", "a", at(1));
    server.up("USERS", "u", at(9));
    let shared = Shared::new(settings(&[&server]));
    let mut orders = follow(&shared, "ORDERS");
    orders.instances(&["10.0.0.1:8080"]).await;
    // What is known already is told at once.
    let mut users = follow(&shared, "USERS");
    users.instances(&["10.0.0.9:8080"]).await;
    let mut nobody = follow(&shared, "NOBODY");
    assert_eq!(nobody.next().await, Ok(Answer::default()));
    assert_eq!(asked(&server).0, 1);

    // Whoever asks for all may end: the next goes on, with what is known.
    drop(orders);
    server.up("USERS", "v", at(8));
    users.instances(&["10.0.0.9:8080", "10.0.0.8:8080"]).await;
    assert_eq!(asked(&server).0, 1);

    // Nobody asks for nobody.
    drop((users, nobody));
    let mut last = server.asked().len();
    eventually("it is quiet", async || {
        tokio::time::sleep(Duration::from_millis(120)).await;
        let before = std::mem::replace(&mut last, server.asked().len());
        (before == last).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_lost_is_asked_for_as_a_whole() {
    let server = EurekaServer::start().await;
    server.up("ORDERS", "a", at(1));
    let shared = Shared::new(settings(&[&server]));
    let mut heard = follow(&shared, "ORDERS");
    heard.instances(&["10.0.0.1:8080"]).await;
    for (fault, next) in [(Fault::LosesChanges, 2), (Fault::GarbledChanges, 3)] {
        server.fault(fault.clone());
        server.up("ORDERS", &format!("b{next}"), at(next));
        let answer = heard.answer(|answer| answer.instances.len() == usize::from(next)).await;
        assert_eq!(answer.flaws, [], "{fault:?}");
    }
    let before = asked(&server);
    server.fault(Fault::Nothing);
    asked_for_changes(&server, 3).await;
    assert!(asked(&server).0 <= before.0 + 1, "changes are enough again: {before:?} {:?}", asked(&server));
}

#[tokio::test]
async fn a_server_that_tells_no_changes_is_asked_for_the_whole() {
    let server = EurekaServer::start().await;
    server.fault(Fault::ForbidsChanges);
    let shared = Shared::new(settings(&[&server]));
    let mut heard = follow(&shared, "ORDERS");
    for last in 1..=3 {
        server.up("ORDERS", &format!("i{last}"), at(last));
        heard.answer(|answer| answer.instances.len() == usize::from(last)).await;
    }
    assert_eq!(asked(&server).1, 1);
}

/// A server that counts otherwise is no reason to ask it twice each time.
#[tokio::test]
async fn a_hash_that_is_always_wrong_costs_one_question() {
    let server = EurekaServer::start().await;
    server.up("ORDERS", "a", at(1));
    server.fault(Fault::WrongHash);
    let shared = Shared::new(settings(&[&server]));
    let mut heard = follow(&shared, "ORDERS");
    heard.instances(&["10.0.0.1:8080"]).await;
    server.up("ORDERS", "b", at(2));
    heard.instances(&["10.0.0.1:8080", "10.0.0.2:8080"]).await;
    assert_eq!(asked(&server).1, 0);
}

#[tokio::test]
async fn failures_say_of_which_kind_they_are() {
    let server = EurekaServer::start().await;
    server.up("ORDERS", "a", at(1));
    let shared = Shared::new(settings(&[&server]));
    let mut heard = follow(&shared, "ORDERS");
    for (fault, kind, why) in [
        (Fault::Status(503), FailureKind::Refused, "status 503"),
        (Fault::Status(403), FailureKind::Denied, "status 403"),
        (Fault::Status(404), FailureKind::Malformed, "is the path of the server right"),
        (Fault::Garbage, FailureKind::Malformed, "markup where JSON was asked for"),
        (Fault::Silent, FailureKind::Unreachable, "no answer within"),
    ] {
        server.fault(fault.clone());
        let failure = loop {
            let failure = heard.failure().await;
            if failure.detail.contains(why) {
                break failure;
            }
        };
        assert_eq!(failure.kind, kind, "{fault:?}");
        assert!(failure.detail.contains(&server.url), "{failure}");
        server.fault(Fault::Nothing);
        heard.instances(&["10.0.0.1:8080"]).await;
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_told() {
    let server = EurekaServer::start().await;
    let settings = settings(&[&server]);
    drop(server);
    let mut heard = follow(&Shared::new(settings), "ORDERS");
    let failure = heard.next().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
}

/// Whether to believe it is not the client's to decide.
#[tokio::test]
async fn mass_expiry_is_told_as_it_is() {
    let server = EurekaServer::start().await;
    for last in 1..=5 {
        server.up("ORDERS", &format!("i{last}"), at(last));
    }
    let mut heard = follow(&Shared::new(settings(&[&server])), "ORDERS");
    heard.answer(|answer| answer.instances.len() == 5).await;
    server.expire_all();
    heard.instances(&[]).await;
}

#[tokio::test]
async fn the_server_that_answers_is_kept_and_asked_for_the_whole() {
    let (first, second) = (EurekaServer::start().await, EurekaServer::start().await);
    first.up("ORDERS", "a", at(1));
    // As many, in the same state: the hash would not tell.
    second.up("ORDERS", "b", at(2));
    let shared = Shared::new(settings(&[&first, &second]));
    let mut heard = follow(&shared, "ORDERS");
    heard.instances(&["10.0.0.1:8080"]).await;
    first.fault(Fault::Status(500));
    heard.instances(&["10.0.0.2:8080"]).await;
    let before = first.asked().len();
    first.fault(Fault::Nothing);
    asked_for_changes(&second, 3).await;
    assert_eq!(first.asked().len(), before, "the second still answers");

    second.fault(Fault::Status(500));
    heard.instances(&["10.0.0.1:8080"]).await;
    first.fault(Fault::Status(502));
    let failure = heard.failure().await;
    assert!(failure.detail.contains(&first.url) && failure.detail.contains(&second.url), "{failure}");
}

#[tokio::test]
async fn names_and_passwords_are_shown_and_read_anew() {
    let server = EurekaServer::start().await;
    server.up("ORDERS", "a", at(1));
    // `gateway:open sesame`
    server.require("Basic Z2F0ZXdheTpvcGVuIHNlc2FtZQ==");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    fs::write(&path, "wrong").unwrap();
    let user = Some(("gateway".into(), SecretSource::File(path.clone())));
    let mut heard = follow(&Shared::new(Eureka { user, ..settings(&[&server]) }), "ORDERS");
    let failure = heard.failure().await;
    assert_eq!(failure.kind, FailureKind::Denied);
    assert!(!failure.detail.contains("wrong"), "{failure}");
    fs::write(&path, "open sesame\n").unwrap();
    heard.instances(&["10.0.0.1:8080"]).await;

    let user = Some(("gateway".into(), SecretSource::Text(Secret::new("open sesame"))));
    follow(&Shared::new(Eureka { user, ..settings(&[&server]) }), "ORDERS").instances(&["10.0.0.1:8080"]).await;
}

#[tokio::test]
async fn tls_is_spoken_to_those_who_are_trusted() {
    let authority = Authority::new();
    let tls = testkit::tls::server(&authority.server("eureka", &["127.0.0.1"]), &["http/1.1"], None);
    let server = EurekaServer::with(Settings { tls: Some(tls), ..Settings::default() }).await;
    server.up("ORDERS", "a", at(1));
    let mut heard = follow(&Shared::new(settings(&[&server])), "ORDERS");
    assert_eq!(heard.failure().await.kind, FailureKind::Unreachable, "nobody has vouched for it");

    let tls = UpstreamTls { server_name: None, ca: Some(authority.ca()), client_certificate: None };
    follow(&Shared::new(Eureka { tls, ..settings(&[&server]) }), "ORDERS").instances(&["10.0.0.1:8080"]).await;
}

#[tokio::test]
async fn what_spring_tells_of_an_instance_becomes_labels() {
    let server = EurekaServer::start().await;
    let mut told = instance("ORDERS", "a", at(1), "UP");
    told["metadata"] =
        serde_json::json!({ "version": "v2", "zone": "eu-1a", "weight": "3", "management.port": "9090" });
    server.put(told);
    let mut heard = follow(&Shared::new(settings(&[&server])), "ORDERS");
    let answer = heard.answer(|answer| !answer.instances.is_empty()).await;
    assert_eq!(brief(&answer.instances[0]), "10.0.0.1:8080 weight 3 management.port=9090 version=v2 zone=eu-1a");
}

fn registration() -> Registration {
    Registration {
        place: Place { file: "test".into(), line: 1, column: 1 },
        consul: false,
        etcd: false,
        eureka: true,
        service: "gateway".into(),
        id: Some("gateway 1".into()),
        host: "10.0.0.7".into(),
        port: 8080,
        is_tls: false,
        labels: vec![("zone".into(), "eu-1a".into())],
        ttl: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn the_gateway_is_registered_renewed_and_taken_out() {
    let server = EurekaServer::start().await;
    let mut entry = Entry::new(&settings(&[&server]), &registration());
    let mut heard = follow(&Shared::new(settings(&[&server])), "GATEWAY");

    entry.renew().await.unwrap();
    let told = server.registered("GATEWAY", "gateway 1").unwrap();
    assert_eq!(told["leaseInfo"]["durationInSecs"], 30);
    assert_eq!(told["homePageUrl"], "http://10.0.0.7:8080/");
    heard.instances(&["10.0.0.7:8080 zone=eu-1a"]).await;

    entry.renew().await.unwrap();
    let (posted, beaten) = ("POST /apps/GATEWAY", "PUT /apps/GATEWAY/gateway%201");
    assert_eq!((server.times(posted), server.times(beaten)), (1, 1));

    // A server that has forgotten it is told anew.
    server.remove("GATEWAY", "gateway 1");
    entry.renew().await.unwrap();
    assert_eq!((server.times(posted), server.times(beaten)), (2, 2));

    server.fault(Fault::Status(503));
    assert_eq!(entry.renew().await.unwrap_err().kind, FailureKind::Refused);
    server.fault(Fault::Nothing);
    entry.renew().await.unwrap();
    heard.instances(&["10.0.0.7:8080 zone=eu-1a"]).await;

    entry.leave().await.unwrap();
    assert_eq!(server.registered("GATEWAY", "gateway 1"), None);
    // It may be gone already.
    entry.leave().await.unwrap();
}

#[tokio::test]
async fn a_gateway_with_tls_has_a_secure_port() {
    let server = EurekaServer::start().await;
    let registration = Registration { is_tls: true, id: None, ..registration() };
    Entry::new(&settings(&[&server]), &registration).renew().await.unwrap();
    let service = EurekaService { app: "GATEWAY".into(), vip: Some("gateway".into()), is_secure: true };
    let shared = Shared::new(settings(&[&server]));
    let mut heard = Heard::from(|hear| watch(&shared, &service, hear));
    let answer = heard.instances(&["10.0.0.7:8080 zone=eu-1a"]).await;
    assert_eq!(&*answer.instances[0].id, "10.0.0.7:gateway:8080");
}

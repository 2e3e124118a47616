use testkit::dns::{Fault, NameServer, Record};
use upstream::discovery::FailureKind;

use super::*;
use crate::heard::Heard;

const HOUR: Duration = Duration::from_secs(3600);

fn settings(server: &NameServer) -> Dns {
    Dns { servers: vec![server.address], min_ttl: Duration::from_millis(20), stale: HOUR }
}

fn host(settings: &Dns) -> Heard {
    Heard::from(|hear| watch(settings, &DnsService::Host { name: "orders.shop.test".into(), port: 8080 }, hear))
}

fn srv(settings: &Dns) -> Heard {
    Heard::from(|hear| watch(settings, &DnsService::Srv { name: "_http._tcp.orders.test".into() }, hear))
}

fn four(last: u8) -> Record {
    Record::Address([10, 0, 0, last].into())
}

fn six(last: u16) -> Record {
    Record::Address([0xfd00, 0, 0, 0, 0, 0, 0, last].into())
}

#[tokio::test]
async fn addresses_of_both_families_are_found_and_followed() {
    let server = NameServer::start().await;
    server.set("orders.shop.test", 0, &[four(2), six(1), four(1)]);
    let mut heard = host(&settings(&server));
    heard.instances(&["10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080"]).await;

    server.set("orders.shop.test", 0, &[Record::Alias("green.shop.test")]);
    server.set("green.shop.test", 0, &[four(3)]);
    heard.instances(&["10.0.0.3:8080"]).await;
}

#[tokio::test]
async fn services_have_tiers_and_weights() {
    let server = NameServer::start().await;
    let records = [
        Record::Service(20, 5, 9003, "c.test"),
        Record::Service(10, 3, 9001, "a.test"),
        Record::Service(10, 0, 9002, "b.test"),
        Record::Service(10, 1, 9004, "nowhere.test"),
    ];
    server.set("_http._tcp.orders.test", 0, &records);
    server.set("a.test", 0, &[four(1), six(1)]);
    server.set("b.test", 0, &[four(2)]);
    server.set("c.test", 0, &[four(3)]);
    let mut heard = srv(&settings(&server));
    let all = [
        "10.0.0.1:9001 weight 3 tier 10",
        "10.0.0.2:9002 tier 10",
        "[fd00::1]:9001 weight 3 tier 10",
        "10.0.0.3:9003 weight 5 tier 20",
    ];
    let answer = heard.instances(&all).await;
    let flaws: Vec<_> = answer.flaws.iter().map(|flaw| format!("{}: {}", flaw.id, flaw.detail)).collect();
    assert_eq!(flaws, ["nowhere.test.:9004: the target has no address"]);

    // Decidedly nothing.
    server.set("_http._tcp.orders.test", 0, &[Record::Service(0, 0, 0, "")]);
    let answer = heard.instances(&[]).await;
    assert_eq!(answer.flaws, []);
}

#[tokio::test]
async fn targets_that_come_along_are_not_asked_for() {
    let server = NameServer::start().await;
    server.tell_targets();
    server.set("_http._tcp.orders.test", 0, &[Record::Service(0, 1, 9001, "a.test")]);
    server.set("a.test", 0, &[four(1), six(1)]);
    srv(&settings(&server)).instances(&["10.0.0.1:9001", "[fd00::1]:9001"]).await;
    assert_eq!(server.asked().iter().filter(|asked| asked.name.eq_ignore_ascii_case("a.test")).count(), 0);
}

#[tokio::test]
async fn a_target_that_cannot_be_told_is_what_it_was() {
    let server = NameServer::start().await;
    let records = [Record::Service(0, 1, 9001, "a.test"), Record::Service(0, 1, 9002, "b.test")];
    server.set("_http._tcp.orders.test", 0, &records);
    server.set("a.test", 0, &[four(1)]);
    server.set("b.test", 0, &[four(2)]);
    server.fault(Fault::FailsForName("b.test"));
    let mut heard = srv(&settings(&server));
    // It may have been wrong from the start.
    let answer = heard.instances(&["10.0.0.1:9001"]).await;
    assert_eq!(answer.flaws.len(), 1, "{answer:?}");
    server.fault(Fault::Nothing);
    heard.instances(&["10.0.0.1:9001", "10.0.0.2:9002"]).await;
    server.fault(Fault::FailsForName("b.test"));
    server.set("a.test", 0, &[four(3)]);
    heard.instances(&["10.0.0.2:9002", "10.0.0.3:9001"]).await;
}

#[tokio::test]
async fn what_does_not_exist_is_an_empty_answer() {
    let server = NameServer::start().await;
    let mut heard = host(&settings(&server));
    assert_eq!(heard.next().await, Ok(Answer::default()));
    server.set("orders.shop.test", 0, &[four(1)]);
    heard.instances(&["10.0.0.1:8080"]).await;
    // It is there, and has no address.
    server.set("orders.shop.test", 0, &[]);
    heard.instances(&[]).await;
}

#[tokio::test]
async fn whoever_cannot_tell_says_nothing_of_the_name() {
    let server = NameServer::start().await;
    server.set("orders.shop.test", 0, &[four(1), six(1)]);
    let mut heard = host(&settings(&server));
    heard.instances(&["10.0.0.1:8080", "[fd00::1]:8080"]).await;
    for (fault, kind) in [
        (Fault::Fails, FailureKind::Refused),
        (Fault::Refuses, FailureKind::Refused),
        (Fault::Silent, FailureKind::Unreachable),
    ] {
        server.fault(fault.clone());
        let failure = heard.failure().await;
        assert_eq!(failure.kind, kind, "{fault:?}: {failure}");
        assert!(failure.detail.contains("orders.shop.test"), "{failure}");
        // No answer, be it an empty one, came with it.
        server.fault(Fault::Nothing);
        let next = heard.answer(|_| true).await;
        assert_eq!(next.instances.len(), 2, "{fault:?}");
    }
    // One family that fails is what it was.
    server.fault(Fault::FailsFor(28));
    server.set("orders.shop.test", 0, &[four(2), six(2)]);
    heard.instances(&["10.0.0.2:8080", "[fd00::1]:8080"]).await;
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let server = NameServer::start().await;
    server.fault(Fault::Garbage);
    let mut heard = host(&settings(&server));
    let failure = heard.next().await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Malformed | FailureKind::Unreachable), "{failure:?}");
}

#[tokio::test]
async fn forged_answers_are_not_believed() {
    let server = NameServer::start().await;
    server.set("orders.shop.test", 0, &[four(1)]);
    for fault in [Fault::SpoofedNumber([10, 6, 6, 6].into()), Fault::SpoofedName([10, 6, 6, 6].into())] {
        server.fault(fault.clone());
        let mut heard = host(&settings(&server));
        for _ in 0..3 {
            let answer = heard.next().await.unwrap();
            assert_eq!(answer.instances.len(), 1, "{fault:?}: {answer:?}");
            assert_eq!(&*answer.instances[0].id, "10.0.0.1:8080", "{fault:?}");
        }
    }
    // No two questions are spelled alike, as a rule: who has not seen one cannot answer it.
    let names: Vec<_> = server.asked().into_iter().map(|asked| asked.name).collect();
    assert!(names.iter().any(|name| name != &names[0]), "{names:?}");
}

#[tokio::test]
async fn what_has_no_room_comes_over_tcp() {
    let server = NameServer::start().await;
    let many: Vec<_> = (1..=200).map(four).collect();
    server.set("orders.shop.test", 0, &many);
    server.fault(Fault::Truncates);
    host(&settings(&server)).answer(|answer| answer.instances.len() == 200).await;
    assert!(server.asked().iter().any(|asked| asked.is_tcp));
}

#[tokio::test]
async fn after_a_while_without_an_answer_nothing_is_known_any_more() {
    let server = NameServer::start().await;
    server.set("orders.shop.test", 0, &[four(1)]);
    let mut heard = host(&Dns { stale: Duration::from_millis(500), ..settings(&server) });
    heard.instances(&["10.0.0.1:8080"]).await;
    server.fault(Fault::Fails);
    heard.failure().await;
    // It says so again and again, as long as that is so.
    for _ in 0..2 {
        let nothing = heard.instances(&[]).await;
        assert!(nothing.flaws[0].detail.contains("no answer for 500ms"), "{nothing:?}");
    }
    server.fault(Fault::Nothing);
    heard.instances(&["10.0.0.1:8080"]).await;
}

#[tokio::test]
async fn a_name_server_that_is_away_is_no_reason_to_ask_nobody() {
    let server = NameServer::start().await;
    server.set("orders.shop.test", 0, &[four(1)]);
    let away = NameServer::start().await;
    away.fault(Fault::Silent);
    let settings = Dns { servers: vec![away.address, server.address], ..settings(&server) };
    host(&settings).instances(&["10.0.0.1:8080"]).await;
}

#[test]
fn answers_are_kept_as_long_as_they_say_within_bounds() {
    let found = |lasts: Option<u64>, is_empty: bool| {
        let mut found = Found { lasts: lasts.map(Duration::from_secs), ..Found::default() };
        if !is_empty {
            let address = model::EndpointAddress::Socket("10.0.0.1:80".parse().unwrap());
            let id = "10.0.0.1:80".into();
            let status = upstream::discovery::Status::Up;
            let one = upstream::discovery::Instance { id, address, weight: 1, tier: 0, labels: Vec::new(), status };
            found.answer.instances.push(one);
        }
        kept(&found, Duration::from_secs(1)).as_secs()
    };
    assert_eq!([Some(0), Some(20), Some(86400), None].map(|lasts| found(lasts, false)), [1, 20, 300, 300]);
    assert_eq!([Some(0), Some(20), Some(86400), None].map(|lasts| found(lasts, true)), [1, 20, 30, 30]);
}

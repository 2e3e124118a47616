use std::time::{Duration, Instant};

use http::{HeaderName, StatusCode};

use super::*;
use crate::{Cause, Random, Record};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn rules() -> Rules {
    Rules {
        formats: [Format::W3c, Format::B3].into(),
        continues: Whose::Anybody,
        follows: Whose::TrustedProxies,
        ratio: Ratio::new(0.0),
        errors: false,
        slower_than: None,
    }
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let field =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    fields.iter().map(field).collect()
}

fn begin(rules: &Rules, headers: &mut HeaderMap, is_trusted: bool) -> Trace {
    rules.begin(headers, true, is_trusted, &mut Random::seeded(1), 0)
}

fn text(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[test]
fn a_trace_goes_on_with_a_child_of_ours() {
    let mut fields = headers(&[("traceparent", PARENT), ("tracestate", "a=1")]);
    let trace = begin(&rules(), &mut fields, true);
    assert_eq!(trace.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(trace.parent.map(|parent| parent.to_string()).as_deref(), Some("00f067aa0ba902b7"));
    assert!(trace.is_sampled && !trace.is_random);
    let span = trace.attempt(0);
    trace.context(span, &rules().formats).write(&mut fields);
    let own = trace.span;
    assert_eq!(
        text(&fields),
        [
            format!("b3: 4bf92f3577b34da6a3ce929d0e0e4736-{span}-1-{own}"),
            format!("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-{span}-01"),
            "tracestate: a=1".to_owned(),
        ],
    );
}

#[test]
fn what_cannot_be_read_begins_a_trace_anew() {
    for fields in [
        &[("traceparent", "00-x"), ("tracestate", "a=1"), ("b3", "x"), ("x-b3-parentspanid", "y")][..],
        &[("tracestate", "a=1")],
    ] {
        let mut fields = headers(fields);
        let trace = begin(&rules(), &mut fields, true);
        assert!(trace.parent.is_none() && trace.is_random);
        fields.remove("traceparent");
        assert!(fields.is_empty(), "{fields:?}");
    }
    let mut twice = headers(&[("traceparent", PARENT), ("traceparent", PARENT)]);
    assert!(begin(&rules(), &mut twice, true).parent.is_none());
    let trace = begin(&rules(), &mut twice, true);
    trace.context(trace.span, &[Format::W3c]).write(&mut twice);
    assert_eq!(twice.get_all("traceparent").iter().count(), 1);
}

#[test]
fn zipkins_context_is_as_good() {
    let mut fields = headers(&[
        ("x-b3-traceid", "a3ce929d0e0e4736"),
        ("x-b3-spanid", "00f067aa0ba902b7"),
        ("x-b3-sampled", "1"),
        ("x-b3-parentspanid", "1"),
        ("tracestate", "a=1"),
    ]);
    let trace = begin(&rules(), &mut fields, true);
    assert_eq!(trace.id.to_string(), "0000000000000000a3ce929d0e0e4736");
    assert!(trace.is_sampled);
    assert!(fields.is_empty(), "what vendors said belongs to no traceparent: {fields:?}");
    let context = trace.context(trace.attempt(0), &[Format::B3Multi]);
    context.write(&mut fields);
    assert!(fields.keys().all(|name| context.has(name.as_str())));
    assert_eq!(fields["x-b3-traceid"], trace.id.to_string().as_str());
    assert_eq!(fields["x-b3-spanid"], trace.attempt(0).to_string().as_str());
    assert_eq!(fields["x-b3-parentspanid"], trace.span.to_string().as_str());
    assert_eq!(fields["x-b3-sampled"], "1");
}

#[test]
fn strangers_choose_nothing() {
    // An id that every share takes, and a flag.
    let chosen = "00-ffffffffffffffffffffffffffffffff-00f067aa0ba902b7-01";
    let rules = Rules { ratio: Ratio::new(0.01), ..rules() };
    let mut random = Random::seeded(3);
    let mut sampled = |is_trusted| {
        let mut sampled = || {
            let mut fields = headers(&[("traceparent", chosen)]);
            rules.begin(&mut fields, true, is_trusted, &mut random, 0).is_sampled
        };
        (0..1000).filter(|_| sampled()).count()
    };
    assert!((1..50).contains(&sampled(false)));
    assert_eq!(sampled(true), 1000);
}

#[test]
fn who_is_believed_is_a_setting() {
    let of = |continues, follows, is_trusted| {
        let rules = Rules { continues, follows, ..rules() };
        let trace = begin(&rules, &mut headers(&[("traceparent", PARENT)]), is_trusted);
        (trace.parent.is_some(), trace.is_sampled)
    };
    assert_eq!(of(Whose::Anybody, Whose::Anybody, false), (true, true));
    assert_eq!(of(Whose::Anybody, Whose::TrustedProxies, false), (true, false));
    assert_eq!(of(Whose::Anybody, Whose::Nobody, true), (true, false));
    assert_eq!(of(Whose::TrustedProxies, Whose::TrustedProxies, false), (false, false));
    assert_eq!(of(Whose::TrustedProxies, Whose::TrustedProxies, true), (true, true));
    assert_eq!(of(Whose::Nobody, Whose::TrustedProxies, true), (false, false));
}

#[test]
fn a_share_is_what_it_says_and_a_part_of_a_larger_one() {
    let mut random = Random::seeded(7);
    let mut counts = [0; 4];
    for _ in 0..100_000 {
        let mut seed = random.split();
        let sampled = [0.0, 0.01, 0.5, 1.0].map(|part| {
            let rules = Rules { ratio: Ratio::new(part), ..rules() };
            rules.begin(&mut HeaderMap::new(), false, false, &mut seed.clone(), 9).is_sampled
        });
        assert!(sampled.is_sorted(), "{sampled:?}");
        for (count, sampled) in counts.iter_mut().zip(sampled) {
            *count += u32::from(sampled);
        }
        seed.bits();
    }
    assert!(counts[0] == 0 && counts[3] == 100_000, "{counts:?}");
    assert!(counts[1].abs_diff(1_000) < 150 && counts[2].abs_diff(50_000) < 800, "{counts:?}");
}

#[test]
fn ids_of_spans_are_their_own() {
    let mut random = Random::seeded(5);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1_000 {
        let trace = rules().begin(&mut HeaderMap::new(), false, false, &mut random.split(), 9);
        let below = (0..5).flat_map(|index| [trace.attempt(index), trace.wait(index)]);
        for id in below.chain([trace.span]) {
            assert!(seen.insert(id), "{id} twice");
        }
    }
}

#[test]
fn failures_and_what_is_slow_are_told_of() {
    let rules = Rules { errors: true, slower_than: Some(Duration::from_secs(1)), ..rules() };
    let trace = begin(&rules, &mut HeaderMap::new(), false);
    let tells = |status: u16, cause, millis| {
        let mut record = Record::new(Instant::now());
        (record.status, record.cause) = (StatusCode::from_u16(status).ok(), cause);
        rules.tells(&trace, &record, Duration::from_millis(millis))
    };
    assert!(!tells(200, None, 999));
    assert!(tells(200, None, 1000));
    assert!(tells(500, None, 1));
    assert!(tells(200, Some(Cause::ResponseIncomplete), 1));
    assert!(!tells(404, Some(Cause::NoRoute), 1));
    assert!(!tells(200, Some(Cause::FaultInjected), 1), "a delay");
    assert!(!tells(0, Some(Cause::ClientClosed), 1));
}

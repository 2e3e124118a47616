//! How it is found out which endpoints do their work.

use std::time::Duration;

use http::{HeaderMap, Method};

use super::routes::may_be_set;
use crate::{
    ActiveHealth, Check, Endpoint, EndpointAddress, FailureRatio, GrpcCheck, Health, HttpCheck, Node, PassiveHealth,
    Protocol, Report, document,
    values::{Count, FieldName, FieldValue, HostValue, MethodName, ProbeTarget, Ratio, StatusRange},
};

/// `None`: the report says why.
pub(super) fn check(
    node: &Node,
    written: document::Health,
    endpoints: &[Endpoint],
    protocol: Protocol,
    report: &mut Report,
) -> Option<Health> {
    let document::Health { active, passive } = written;
    if active.is_none() && passive.is_none() {
        let hint =
            "add `active`, for example `active: { http: { path: /healthz } }`, or `passive: {}`, or leave it out";
        report.error_with_hint(&node.place, "`health` looks at nothing", hint);
        return None;
    }
    let passive = passive.map(|written| self::passive(node.near("passive"), &written, report));
    let active = match active {
        Some(written) => Some(self::active(node.near("active"), written, endpoints, protocol, report)?),
        None => None,
    };
    Some(Health { active, passive })
}

fn active(
    node: &Node,
    written: document::ActiveHealth,
    endpoints: &[Endpoint],
    protocol: Protocol,
    report: &mut Report,
) -> Option<ActiveHealth> {
    let document::ActiveHealth { http, tcp, grpc, interval, jitter, timeout, healthy_after, unhealthy_after, port } =
        written;
    let default = ActiveHealth::default();
    let is_unix = |endpoint: &&Endpoint| matches!(endpoint.address, EndpointAddress::Unix(_));
    if let (Some(key), Some(unix)) = (node.key("port"), endpoints.iter().find(is_unix)) {
        let message = format!("`{}` has no port that another could take the place of", unix.address);
        report.error_with_hint(&key.place, message, "leave `port` out");
    }
    let check = match (http, tcp, grpc) {
        (Some(http), None, None) => Check::Http(Box::new(self::http(node.near("http"), http, report))),
        (None, Some(document::TcpCheck {}), None) => Check::Tcp,
        (None, None, Some(document::GrpcCheck { service, host })) => {
            if matches!(protocol, Protocol::Http1) {
                let hint = "set the `protocol` of the upstream to `h2c`, or to `h2` with `tls`";
                report.error_with_hint(&node.near("grpc").place, "gRPC is spoken over HTTP/2 only", hint);
            }
            let host = host.map(|HostValue(host)| host);
            Check::Grpc(GrpcCheck { service: service.unwrap_or_default().into(), host })
        }
        (None, None, None) => {
            let hint = "add `http: { path: /healthz }`, `tcp: {}` or `grpc: {}`";
            report.error_with_hint(&node.place, "it is not said how endpoints are asked", hint);
            return None;
        }
        _ => {
            let given: Vec<&str> = ["http", "tcp", "grpc"].into_iter().filter(|key| node.get(key).is_some()).collect();
            let given = given.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let message = format!("endpoints are asked in exactly one way, and here are {given}");
            report.error_with_hint(&node.place, message, "keep one of them");
            return None;
        }
    };
    Some(ActiveHealth {
        check,
        interval: interval.map_or(default.interval, Into::into),
        jitter: jitter.map_or(default.jitter, Ratio::fraction),
        timeout: timeout.map_or(default.timeout, Into::into),
        healthy_after: healthy_after.map_or(default.healthy_after, |Count(count)| count),
        unhealthy_after: unhealthy_after.map_or(default.unhealthy_after, |Count(count)| count),
        // Bounded by its type.
        port: port.and_then(|Count(port)| u16::try_from(port).ok()),
    })
}

fn http(node: &Node, written: document::HttpCheck, report: &mut Report) -> HttpCheck {
    let document::HttpCheck { path: ProbeTarget(target), method, host, headers, expect, body_contains } = written;
    if expect.as_ref().is_some_and(Vec::is_empty) {
        report.error_with_hint(
            &node.near("expect").place,
            "no status would be good",
            "leave `expect` out for 200 to 299",
        );
    }
    let method = method.map_or(Method::GET, |MethodName(method)| method);
    if body_contains.is_some() && method == Method::HEAD {
        let hint = "leave `method` out, or `body_contains`";
        report.error_with_hint(&node.near("body_contains").place, "the answer to HEAD has no body", hint);
    }
    HttpCheck {
        target,
        method,
        host: host.map(|HostValue(host)| host),
        headers: self::headers(node.near("headers"), headers.0, report),
        expect: match expect {
            Some(ranges) => ranges.into_iter().map(|StatusRange(range)| range).collect(),
            None => vec![200..=299],
        },
        body_contains: body_contains.map(Into::into),
    }
}

fn headers(node: &Node, fields: Vec<(FieldName, FieldValue)>, report: &mut Report) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (FieldName(name), FieldValue(value)) in fields {
        let key = node.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name.as_str()));
        may_be_set(&name, key.map_or(&node.place, |(key, _)| &key.place), report);
        headers.append(name, value);
    }
    headers
}

fn passive(node: &Node, written: &document::PassiveHealth, report: &mut Report) -> PassiveHealth {
    let default = PassiveHealth::default();
    let count = |written: Option<Count<1, { u32::MAX }>>| written.map(|Count(count)| count);
    let ratio = written.failure_ratio.map(|ratio| self::ratio(node, ratio, written, report));
    if ratio.is_none() {
        for key in ["min_requests", "window"].into_iter().filter_map(|key| node.key(key)) {
            let message = format!("`{}` belongs to `failure_ratio`, which is not given", key.name);
            report.error_with_hint(&key.place, message, "add `failure_ratio`, for example `50%`, or leave this out");
        }
    }
    let gateway_errors = count(written.consecutive_gateway_errors);
    let by_default = (ratio.is_none() && gateway_errors.is_none()).then_some(PassiveHealth::CONSECUTIVE_FAILURES);
    let ejection = written.ejection.map_or(default.ejection, Into::into);
    let max_ejection = written.max_ejection.map_or(default.max_ejection.max(ejection), Into::into);
    if ejection > max_ejection {
        let message = "the first ejection is longer than the longest, `max_ejection`";
        let hint = "make `max_ejection` at least as long as `ejection`";
        report.error_with_hint(&node.near("max_ejection").place, message, hint);
    }
    let max_ejected = written.max_ejected.map_or(default.max_ejected, Ratio::fraction);
    if max_ejected == 0.0 {
        report.error_with_hint(&node.near("max_ejected").place, "nothing would ever be ejected", "leave `passive` out");
    }
    PassiveHealth {
        consecutive_failures: count(written.consecutive_failures).or(by_default),
        consecutive_gateway_errors: gateway_errors,
        failure_ratio: ratio,
        ejection,
        max_ejection,
        max_ejected,
    }
}

fn ratio(node: &Node, ratio: Ratio, written: &document::PassiveHealth, report: &mut Report) -> FailureRatio {
    let ratio = ratio.fraction();
    if ratio == 0.0 {
        let message = "every endpoint fails so small a part of the requests";
        report.error_with_hint(&node.near("failure_ratio").place, message, "set it above `0%`, for example `50%`");
    }
    let min_requests = written.min_requests.map_or(20, |Count(count)| count);
    FailureRatio { ratio, min_requests, window: written.window.map_or(Duration::from_secs(10), Into::into) }
}

//! Where requests are sent.

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};

use super::{balance, breaker, discovery, failures, health, policies};
use crate::{
    Backoff, Balance, Budget, Bulkhead, Endpoint, EndpointAddress, Failover, Gateway, Host, Node, Place, Pool,
    Protocol, Report, RetryRules, TextOr, Timeouts, Upstream, UpstreamTls, Value,
    decode::decode,
    document,
    values::{Bytes, Count, EndpointTarget, FieldName, HostValue, LoadFactor, MethodName, Name, Ratio, ServerName},
};

/// `gateway` is what holds for all, unless that is wrong itself.
pub(super) fn check(node: &Node, gateway: Option<&Gateway>, report: &mut Report) -> Option<Upstream> {
    let registered = balance::registered(node);
    let node = if registered.is_some() { Cow::Owned(without(node, "balance")) } else { Cow::Borrowed(node) };
    let node = &*node;
    let written = decode::<document::Upstream>(node, report);
    let policies = policies::check(node, report);
    let written = written?;
    let document::Upstream {
        name: Name(name),
        endpoints,
        discovery,
        protocol,
        tls,
        balance,
        slow_start,
        failover,
        timeouts,
        retry,
        bulkhead,
        health,
        breaker,
        pool,
        host,
        ..
    } = written;
    where_from(node, endpoints.is_empty(), report);
    let endpoints = self::endpoints(node.near("endpoints"), endpoints, report);
    let discovery = match discovery {
        Some(written) => {
            let own = gateway.map(|gateway| gateway.registries.registry.is_some());
            Some(discovery::check(node.near("discovery"), written, own, report)?)
        }
        None => None,
    };
    let zone = gateway.and_then(|gateway| gateway.zone.as_ref());
    let protocol = self::protocol(node, protocol, tls.is_some(), report);
    let tls = tls.map(|tls| self::tls(node.near("tls"), tls, &endpoints, report));
    let health = health.and_then(|health| health::check(node.near("health"), health, &endpoints, protocol, report));
    let TextOr(balance) = balance;
    let balance = match registered {
        Some(registered) => Balance::Registered(registered),
        None => balance::check(node, &name, balance, report),
    };
    Some(Upstream {
        name,
        place: node.place.clone(),
        endpoints,
        discovery,
        protocol,
        tls,
        asks_consumer: balance::asks_consumer(node, &balance),
        slow_start: balance::slow_start(node, slow_start, &balance, report),
        balance,
        failover: self::failover(node.near("failover"), &failover, zone, report),
        retry: retry.map(|retry| self::retry(node.near("retry"), &retry, &timeouts, report)),
        timeouts: self::timeouts(timeouts),
        bulkhead: bulkhead.map(|bulkhead| self::bulkhead(node.near("bulkhead"), &bulkhead, report)),
        health,
        breaker: breaker.map(|breaker| breaker::of_upstream(node.near("breaker"), &breaker, report)),
        pool: self::pool(&pool),
        host: self::host(host),
        policies,
        // Routes say.
        subsets: Vec::new(),
    })
}

/// The same map as if a key had not been written: what is under it is not for the types of the document.
fn without(node: &Node, key: &str) -> Node {
    let entries = node.entries().iter().filter(|(other, _)| other.name != key).cloned().collect();
    Node { place: node.place.clone(), value: Value::Map(entries) }
}

/// Either the document says what there is, or a registry.
fn where_from(node: &Node, is_empty: bool, report: &mut Report) {
    match (node.key("endpoints"), node.key("discovery")) {
        (Some(endpoints), Some(discovery)) => {
            let message =
                format!("an upstream has `endpoints` or `discovery`, and `endpoints` are at {}", endpoints.place);
            report.error_with_hint(&discovery.place, message, "keep one of them");
        }
        (_, None) if is_empty => {
            let hint = "give it at least one address, for example `endpoints: [127.0.0.1:9001]`, or say where they are \
                        found, for example `discovery: { dns: { name: orders.internal, port: 80 } }`";
            report.error_with_hint(&node.near("endpoints").place, "an upstream without endpoints", hint);
        }
        _ => {}
    }
}

fn endpoints(node: &Node, written: Vec<TextOr<document::Endpoint>>, report: &mut Report) -> Vec<Endpoint> {
    let endpoint = |(TextOr(written), node): (TextOr<document::Endpoint>, &Node)| {
        let document::Endpoint { address: EndpointTarget(address), weight, tier, labels } = written;
        // Sorted, because a `BTreeMap` is.
        let labels = labels.into_iter().map(|(key, value)| (Arc::from(key), Arc::from(value))).collect();
        let (weight, tier) = (weight.unwrap_or(1), tier.unwrap_or(0));
        Endpoint { place: node.place.clone(), address, weight, tier, labels }
    };
    let endpoints: Vec<Endpoint> = written.into_iter().zip(node.items()).map(endpoint).collect();
    if !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.weight == 0) {
        report.warning(&node.place, "all endpoints have the weight 0, so every request will be refused");
    }
    let mut seen: HashMap<&EndpointAddress, &Place> = HashMap::new();
    for Endpoint { address, place, .. } in &endpoints {
        match seen.get(address) {
            None => {
                seen.insert(address, place);
            }
            Some(first) => {
                let message = format!("`{address}` is given twice, first at {first}");
                report.warning_with_hint(place, message, "for a larger share of the requests give it a `weight`");
            }
        }
    }
    endpoints
}

fn protocol(node: &Node, written: document::Protocol, has_tls: bool, report: &mut Report) -> Protocol {
    let place = &node.near("protocol").place;
    match written {
        document::Protocol::H2 if !has_tls => {
            let hint = "use `h2c` for HTTP/2 without TLS, or add `tls: {}`";
            report.error_with_hint(place, "`h2` is HTTP/2 over TLS, and this upstream has no `tls`", hint);
        }
        document::Protocol::H2c if has_tls => {
            let hint = "use `h2`";
            report.error_with_hint(place, "`h2c` is HTTP/2 without TLS, and this upstream has `tls`", hint);
        }
        _ => {}
    }
    match written {
        document::Protocol::Http1 => Protocol::Http1,
        document::Protocol::H2 => Protocol::H2,
        document::Protocol::H2c => Protocol::H2c,
        document::Protocol::Auto => Protocol::Auto,
    }
}

fn tls(node: &Node, written: document::UpstreamTls, endpoints: &[Endpoint], report: &mut Report) -> UpstreamTls {
    let is_unix = |endpoint: &Endpoint| matches!(endpoint.address, EndpointAddress::Unix(_));
    if written.server_name.is_none() && endpoints.iter().any(is_unix) {
        let hint = "a Unix socket has no host that a certificate could hold";
        report.error_with_hint(&node.place, "missing key `server_name`", hint);
    }
    tls_rules(written)
}

/// TLS towards whoever is asked.
pub(super) fn tls_rules(written: document::UpstreamTls) -> UpstreamTls {
    let document::UpstreamTls { server_name, ca, client_certificate } = written;
    UpstreamTls {
        server_name: server_name.map(|ServerName(name)| name),
        ca,
        client_certificate: client_certificate.map(super::listeners::certificate),
    }
}

fn failover(node: &Node, written: &document::Failover, zone: Option<&Arc<str>>, report: &mut Report) -> Failover {
    let default = Failover::default();
    if written.prefer_zone == Some(true) && zone.is_none() {
        let message = "nobody says in which zone the gateway stands, so none is preferred";
        report.warning_with_hint(&node.near("prefer_zone").place, message, "say it: `gateway: { zone: … }`");
    }
    Failover {
        zone: zone.filter(|_| written.prefer_zone != Some(false)).cloned(),
        headroom: written.headroom.map_or(default.headroom, |LoadFactor(factor)| factor),
        panic_threshold: written.panic_threshold.map_or(default.panic_threshold, Ratio::fraction),
    }
}

fn timeouts(written: document::Timeouts) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: written.connect.map_or(default.connect, Into::into),
        first_byte: written.first_byte.map_or(default.first_byte, Into::into),
        idle: written.idle.map_or(default.idle, Into::into),
        total: written.total.map(Into::into).or(default.total),
        header: written.header.map(|FieldName(name)| name),
    }
}

fn retry(node: &Node, written: &document::Retry, timeouts: &document::Timeouts, report: &mut Report) -> RetryRules {
    let default = RetryRules::default();
    let document::Backoff { base, max } = written.backoff;
    let backoff = Backoff {
        base: base.map_or(default.backoff.base, Into::into),
        max: max.map_or(default.backoff.max, Into::into),
    };
    if backoff.base > backoff.max {
        let message = "the first wait `base` is longer than the longest, `max`";
        report.error_with_hint(&node.near("backoff").place, message, "make `max` at least as long as `base`");
    }
    if let (Some(per_try), Some(total)) = (written.per_try_timeout, timeouts.total)
        && per_try >= total
    {
        let message = "`per_try_timeout` is no shorter than `timeouts.total`, so there would never be time for another";
        report.error_with_hint(&node.near("per_try_timeout").place, message, "make it a fraction of `timeouts.total`");
    }
    if written.on.as_ref().is_some_and(Vec::is_empty) {
        let message = "`on` is empty, so nothing would be tried again";
        report.error_with_hint(&node.near("on").place, message, "leave it out, or leave `retry` out");
    }
    let budget = Budget {
        ratio: written.budget.ratio.map_or(default.budget.ratio, Ratio::fraction),
        min_per_second: written.budget.min_per_second.unwrap_or(default.budget.min_per_second),
    };
    if budget.ratio == 0.0 && budget.min_per_second == 0 {
        let message = "the budget is empty, so nothing would be tried again";
        report.error_with_hint(&node.near("budget").place, message, "leave `retry` out");
    }
    RetryRules {
        attempts: written.attempts.map_or(default.attempts, |Count(attempts)| attempts),
        on: written.on.as_deref().map_or(default.on, failures::check),
        methods: written.methods.iter().map(|MethodName(method)| method.clone()).collect(),
        per_try_timeout: written.per_try_timeout.map(Into::into),
        body_bytes: written.body.map_or(default.body_bytes, |Bytes(bytes)| bytes),
        backoff,
        budget,
    }
}

fn bulkhead(node: &Node, written: &document::Bulkhead, report: &mut Report) -> Bulkhead {
    let document::Bulkhead { requests: Count(requests), queue, connections, wait } = *written;
    let queue = queue.unwrap_or(0);
    let connections = connections.map(|Count(connections)| connections);
    if let (Some(key), 0, None) = (node.key("wait"), queue, connections) {
        let message = "nothing waits, because `queue` is 0";
        report.error_with_hint(&key.place, message, "say how many may wait, for example `queue: 100`");
    }
    Bulkhead { requests, queue, connections, wait: wait.map_or(Duration::from_secs(1), Into::into) }
}

fn pool(written: &document::Pool) -> Pool {
    let default = Pool::default();
    Pool {
        max_idle: written.max_idle.unwrap_or(default.max_idle),
        idle_timeout: written.idle_timeout.map_or(default.idle_timeout, Into::into),
        max_age: written.max_age.map_or(default.max_age, Into::into),
        streams: written.streams.map_or(default.streams, |Count(streams)| streams),
    }
}

fn host(written: document::Host) -> Host {
    match written {
        document::Host::Preserve => Host::Preserve,
        document::Host::Endpoint => Host::Endpoint,
        document::Host::Set(HostValue(value)) => Host::Set(value),
    }
}

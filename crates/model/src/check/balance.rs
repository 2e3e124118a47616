//! How endpoints are chosen.

use std::{sync::Arc, time::Duration};

use super::expressions;
use crate::{
    Among, Balance, ConsistentHash, Custom, Field, FromText, HashAlgorithm, HashKey, Node, PeakEwma, Place, Registered,
    Report, StickyCookie, Value, document,
    values::{CookieName, FieldName, LoadFactor, Timeout},
};

/// Where the document asks who calls, if it does. `node` is that of the upstream.
pub(super) fn asks_consumer(node: &Node, balance: &Balance) -> Option<Place> {
    let Balance::ConsistentHash(ConsistentHash { key, fallback, .. }) = balance else { return None };
    let node = node.near("balance").near("consistent_hash");
    let keys = [("key", Some(key)), ("fallback", fallback.as_ref())];
    let (name, _) = keys.into_iter().find(|(_, key)| *key == Some(&HashKey::Consumer))?;
    Some(node.near(name).place.clone())
}

/// What an upstream leaves to a kind of balancer that does not come with the gateway, if it does. Whether there is such a
/// kind, and what its settings may be, is for the registry of kinds to say.
pub fn registered(upstream: &Node) -> Option<Registered> {
    let node = upstream.get("balance")?;
    let (kind, place, settings) = match (node.text(), node.entries()) {
        (Some(kind), _) => (kind, &node.place, None),
        (None, [(key, settings)]) => (key.name.as_str(), &key.place, Some(settings)),
        _ => return None,
    };
    if document::Balance::names().any(|name| name == kind) {
        return None;
    }
    let none = || Node { place: node.place.clone(), value: Value::Map(Vec::new()) };
    let settings = settings.filter(|settings| settings.value != Value::Null).cloned().unwrap_or_else(none);
    Some(Registered { kind: kind.into(), place: place.clone(), settings })
}

/// `node` is that of the upstream, and `name` what it is called.
pub(super) fn check(node: &Node, name: &str, written: document::Balance, report: &mut Report) -> Balance {
    let node = node.near("balance");
    match written {
        document::Balance::RoundRobin => Balance::RoundRobin,
        document::Balance::Random => Balance::Random,
        document::Balance::LeastRequests => Balance::LeastRequests,
        document::Balance::PeakEwma(written) => Balance::PeakEwma(peak_ewma(&written)),
        document::Balance::IpHash => Balance::ConsistentHash(ConsistentHash {
            key: HashKey::ClientIp,
            fallback: None,
            algorithm: HashAlgorithm::default(),
            bounded_load: None,
        }),
        document::Balance::ConsistentHash(written) => {
            Balance::ConsistentHash(consistent_hash(node.near("consistent_hash"), written, report))
        }
        document::Balance::Custom(written) => custom(node.near("custom"), &written, report),
        document::Balance::Sticky(written) => Balance::Sticky(sticky(node.near("sticky"), name, written, report)),
    }
}

/// `node` is that of the upstream.
pub(super) fn slow_start(
    node: &Node,
    written: Option<Timeout>,
    balance: &Balance,
    report: &mut Report,
) -> Option<Duration> {
    let slow_start = written?;
    let message = match balance {
        Balance::ConsistentHash(_) => "`slow_start` does not go with keys: a key leads to an endpoint or does not",
        Balance::Registered(_) => "`slow_start` is for the ways that come with the gateway; no other would heed it",
        _ => return Some(slow_start.into()),
    };
    report.error_with_hint(&node.near("slow_start").place, message, "leave it out, or balance in another way");
    Some(slow_start.into())
}

/// With a score that is wrong, which was reported, there will be no model.
fn custom(node: &Node, written: &document::Custom, report: &mut Report) -> Balance {
    let document::Custom { score: _, among, decay, failure } = *written;
    let Some(score) = expressions::score(node.near("score"), report) else { return Balance::default() };
    let among = match among {
        document::Among::Two => Among::Two,
        document::Among::All => Among::All,
    };
    Balance::Custom(Custom { score, among, timing: peak_ewma(&document::PeakEwma { decay, failure }) })
}

fn peak_ewma(written: &document::PeakEwma) -> PeakEwma {
    let default = PeakEwma::default();
    PeakEwma {
        decay: written.decay.map_or(default.decay, Into::into),
        failure: written.failure.map_or(default.failure, Into::into),
    }
}

fn consistent_hash(node: &Node, written: document::ConsistentHash, report: &mut Report) -> ConsistentHash {
    let document::ConsistentHash { key, fallback, algorithm, bounded_load } = written;
    let key = hash_key(node.near("key"), key, report);
    let fallback = fallback.map(|fallback| hash_key(node.near("fallback"), fallback, report));
    if matches!(key, HashKey::ClientIp | HashKey::Path) && fallback.is_some() {
        let message = "the fallback is never used: no request lacks this key";
        report.warning_with_hint(&node.near("fallback").place, message, "leave it out");
    } else if fallback.as_ref() == Some(&key) {
        report.warning_with_hint(&node.near("fallback").place, "the fallback is the key itself", "leave it out");
    }
    ConsistentHash {
        key,
        fallback,
        algorithm: match algorithm {
            document::HashAlgorithm::Ring => HashAlgorithm::Ring,
            document::HashAlgorithm::Maglev => HashAlgorithm::Maglev,
        },
        bounded_load: bounded_load.map(|LoadFactor(factor)| factor),
    }
}

fn hash_key(node: &Node, written: document::HashKey, report: &mut Report) -> HashKey {
    match written {
        document::HashKey::ClientIp => HashKey::ClientIp,
        document::HashKey::Consumer => HashKey::Consumer,
        document::HashKey::Path => HashKey::Path,
        document::HashKey::Header(FieldName(name)) => HashKey::Field(Field::Header(name)),
        document::HashKey::Query(name) => {
            if name.is_empty() {
                report.error(&node.near("query").place, "a parameter of the query needs a name");
            }
            HashKey::Field(Field::Query(Arc::from(name)))
        }
        document::HashKey::Cookie(CookieName(name)) => HashKey::Field(Field::Cookie(name)),
    }
}

fn sticky(node: &Node, upstream: &str, written: document::StickyCookie, report: &mut Report) -> StickyCookie {
    let document::StickyCookie { cookie, ttl, secret } = written;
    let ttl: Option<Duration> = ttl.map(Into::into);
    if ttl.is_some_and(|ttl| ttl < Duration::from_secs(1)) {
        report.error(&node.near("ttl").place, "a cookie cannot be kept for less than `1s`");
    }
    let cookie = match cookie {
        Some(CookieName(name)) => name,
        None => match CookieName::from_text(&format!("sluice-{upstream}")) {
            Ok(CookieName(name)) => name,
            Err(_) => {
                let message = format!("no cookie can be named after the upstream `{upstream}`");
                report.error_with_hint(&node.place, message, "name one: `sticky: { cookie: … }`");
                Arc::from(upstream)
            }
        },
    };
    StickyCookie { cookie, ttl, secret }
}

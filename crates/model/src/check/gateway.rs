//! What holds for the whole process.

use super::{access_log, policies, registries};
use crate::{
    Forwarded, Gateway, Node, Report,
    decode::decode,
    document::{self, Workers},
    values::{ListenAddress, Network, Zone},
};

pub(super) fn check(node: Option<&Node>, report: &mut Report) -> Option<Gateway> {
    let default = Gateway::default();
    let Some(node) = node else { return Some(default) };
    let written = decode::<document::Gateway>(node, report);
    let policies = policies::check(node, report);
    let access_logs = access_log::check(node.get("access_log"), report);
    let document::Gateway {
        workers: Workers(workers),
        admin,
        trusted_proxies,
        zone,
        access_log: _,
        grace,
        forwarded,
        discovery,
        registry,
        policies: _,
    } = written?;
    let admin = admin.map(|document::Admin { address: ListenAddress(address) }| address);
    let registries = registries::check(node, discovery, registry, admin.as_ref(), report)?;
    Some(Gateway {
        workers,
        admin,
        trusted_proxies: trusted_proxies.into_iter().map(|Network(network)| network).collect(),
        zone: zone.map(|Zone(zone)| zone),
        access_logs: access_logs?,
        forwarded: Forwarded {
            via: forwarded.via.unwrap_or(default.forwarded.via),
            x_forwarded: forwarded.x_forwarded.unwrap_or(default.forwarded.x_forwarded),
            forwarded: forwarded.forwarded.unwrap_or(default.forwarded.forwarded),
        },
        registries,
        grace: grace.map_or(default.grace, Into::into),
        policies,
    })
}

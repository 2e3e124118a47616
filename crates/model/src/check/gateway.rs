//! What holds for the whole process.

use std::{borrow::Cow, sync::Arc};

use http::HeaderName;

use super::{access_log, policies, registries, tracing};
use crate::{
    Address, Debugging, EtcdHome, FlightRecorder, Forwarded, Gateway, Home, Node, Report, TextOr,
    decode::decode,
    document::{self, Workers},
    values::{Count, FieldName, ListenAddress, Network, ServerName, Zone},
};

/// Parts of the names of fields that show who somebody is; nobody may read those who reads what happened.
const CREDENTIALS: [&str; 7] = ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey"];

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
        flight_recorder,
        debug,
        tracing,
        grace,
        forwarded,
        discovery,
        registry,
        home,
        policies: _,
    } = written?;
    let (admin, admin_names) = admin.map(|written| self::admin(node.near("admin"), written, report)).unzip();
    let tracing = tracing.map(|written| tracing::check(node.near("tracing"), written, report));
    let registries = registries::check(node, discovery, registry, admin.as_ref(), report)?;
    Some(Gateway {
        workers,
        admin,
        admin_names: admin_names.unwrap_or_default(),
        trusted_proxies: trusted_proxies.into_iter().map(|Network(network)| network).collect(),
        zone: zone.map(|Zone(zone)| zone),
        access_logs: access_logs?,
        flight_recorder: match flight_recorder {
            None => default.flight_recorder,
            Some(TextOr(document::FlightRecorder::Off)) => None,
            Some(TextOr(document::FlightRecorder::On(records))) => {
                Some(recorder(records, node.near("flight_recorder"), report))
            }
        },
        debug: debug.map(|document::Debug { token, header }| Debugging {
            place: node.near("debug").near("token").place.clone(),
            token,
            header: header.map_or(Debugging::HEADER, |FieldName(name)| name),
        }),
        tracing,
        forwarded: Forwarded {
            via: forwarded.via.unwrap_or(default.forwarded.via),
            x_forwarded: forwarded.x_forwarded.unwrap_or(default.forwarded.x_forwarded),
            forwarded: forwarded.forwarded.unwrap_or(default.forwarded.forwarded),
        },
        registries,
        grace: grace.map_or(default.grace, Into::into),
        home: home.map_or(default.home, |home| self::home(node.near("home"), home, report)),
        policies,
    })
}

fn admin(node: &Node, written: document::Admin, report: &mut Report) -> (Address, Arc<[Arc<str>]>) {
    let document::Admin { address: ListenAddress(address), names } = written;
    if matches!(address, Address::Unix(_)) && !names.is_empty() {
        let message = "a unix socket may be asked for under any name, for no page in a browser gets to it";
        report.warning_with_hint(&node.near("names").place, message, "leave `names` out");
    }
    (address, names.into_iter().map(|ServerName(name)| name).collect())
}

fn home(node: &Node, written: document::Home, report: &mut Report) -> Home {
    match written {
        document::Home::State => Home::State,
        document::Home::ReadOnly => Home::ReadOnly,
        document::Home::Etcd(written) => Home::Etcd(etcd_home(node.near("etcd"), written, report)),
    }
}

fn etcd_home(node: &Node, written: document::EtcdHome, report: &mut Report) -> EtcdHome {
    let document::EtcdHome { endpoints, prefix, user, password, tls } = written;
    let prefix = prefix.map_or(Cow::Borrowed(EtcdHome::PREFIX), Cow::Owned);
    let stem = prefix.trim_end_matches('/');
    if stem.is_empty() {
        let message = "all keys of etcd are not ours alone";
        report.error_with_hint(&node.near("prefix").place, message, "name a part of them, for example `/sluice/`");
    }
    let etcd = registries::etcd(node, document::Etcd { endpoints, user, password, tls }, report);
    EtcdHome { etcd, prefix: format!("{stem}/").into() }
}

fn recorder(written: document::Records, node: &Node, report: &mut Report) -> FlightRecorder {
    let default = FlightRecorder::default();
    let document::Records { records, keep, headers } = written;
    let headers = headers.map(|headers| headers.into_iter().map(|FieldName(name)| name).collect());
    let headers: Vec<HeaderName> = headers.unwrap_or(default.headers);
    let is_credential = |name: &HeaderName| CREDENTIALS.iter().any(|part| name.as_str().contains(part));
    for (index, name) in headers.iter().enumerate().filter(|(_, name)| is_credential(name)) {
        let place = &node.near("headers").item(index).place;
        let message = format!("`{name}` holds credentials, which are not recorded");
        report.error_with_hint(place, message, "leave it out; `consumer` says who called");
    }
    FlightRecorder {
        records: records.map_or(default.records, |Count(records)| records),
        keep: keep.map_or(default.keep, |Count(keep)| keep),
        headers,
    }
}

//! How registries are reached, and our own.

use std::{sync::Arc, time::Duration};

use super::{discovery::name, upstreams::tls_rules};
use crate::{
    Address, Consul, Dns, EndpointAddress, Etcd, Eureka, Node, Registration, Registries, Registry, Report, UpstreamTls,
    document::{self, RegistrationPlace},
    values::{EndpointTarget, HttpUrl, ListenAddress, Name, NameServer, Network, SecretSource, Timeout},
};

/// `node` is that of the gateway, and `admin` its admin address. `None`: the report says why.
pub(super) fn check(
    node: &Node,
    written: document::Registries,
    own: Option<document::Registry>,
    admin: Option<&Address>,
    report: &mut Report,
) -> Option<Registries> {
    let default = Registries::default();
    let own = own.map(|own| registry(node.near("registry"), own, admin, report));
    let node = node.near("discovery");
    let document::Registries { consul, etcd, eureka, dns, allow, hold, register } = written;
    let register = match register {
        Some(written) => Some(registration(node.near("register"), written, report)?),
        None => None,
    };
    Some(Registries {
        consul: self::consul(node.near("consul"), consul, report),
        etcd: self::etcd(node.near("etcd"), etcd, report),
        eureka: self::eureka(node.near("eureka"), eureka, report),
        dns: self::dns(&dns),
        registry: own,
        allow: self::allow(node, allow, report),
        hold: hold.map_or(default.hold, Into::into),
        register,
    })
}

fn consul(node: &Node, written: document::Consul, report: &mut Report) -> Consul {
    let document::Consul { address, token, tls, datacenter, namespace, wait, catalog } = written;
    let default = Consul::default();
    let address = address.unwrap_or(default.address);
    let tls = self::tls(node, tls, std::slice::from_ref(&address), report);
    let bounds = Duration::from_secs(1)..=Duration::from_mins(10);
    let wait = wait.map_or(default.wait, Into::into);
    if !bounds.contains(&wait) {
        report.error(&node.near("wait").place, "Consul lets nobody wait for less than `1s` or longer than `10m`");
    }
    Consul {
        address,
        token,
        tls,
        datacenter: datacenter.map(name),
        namespace: namespace.map(name),
        wait,
        catalog: catalog.unwrap_or(default.catalog),
    }
}

pub(super) fn etcd(node: &Node, written: document::Etcd, report: &mut Report) -> Etcd {
    let document::Etcd { endpoints, user, password, tls } = written;
    let endpoints = addresses(node, "endpoints", endpoints, Etcd::default().endpoints, report);
    let tls = self::tls(node, tls, &endpoints, report);
    Etcd { endpoints, user: credentials(node, user, password, report), tls }
}

fn eureka(node: &Node, written: document::Eureka, report: &mut Report) -> Eureka {
    let document::Eureka { servers, user, password, tls, interval } = written;
    let default = Eureka::default();
    let servers = addresses(node, "servers", servers, default.servers, report);
    let tls = self::tls(node, tls, &servers, report);
    let interval = interval.map_or(default.interval, Into::into);
    if interval < Duration::from_secs(1) {
        report.error(&node.near("interval").place, "Eureka is asked once in a second at most");
    }
    Eureka { servers, user: credentials(node, user, password, report), tls, interval }
}

fn dns(written: &document::Dns) -> Dns {
    let default = Dns::default();
    Dns {
        servers: written.servers.iter().map(|NameServer(server)| *server).collect(),
        min_ttl: written.min_ttl.map_or(default.min_ttl, Into::into),
        stale: written.stale.map_or(default.stale, Into::into),
    }
}

/// `node` is the map with the key `allow`.
fn allow(node: &Node, written: Option<Vec<Network>>, report: &mut Report) -> Vec<ipnet::IpNet> {
    if written.as_ref().is_some_and(Vec::is_empty) {
        let message = "`allow` is empty, so no instance would ever be asked";
        report.error_with_hint(&node.near("allow").place, message, "name a network, or leave it out");
    }
    written.into_iter().flatten().map(|Network(network)| network).collect()
}

/// Those written under `key`, or the `usual` ones.
fn addresses(node: &Node, key: &str, written: Vec<HttpUrl>, usual: Vec<HttpUrl>, report: &mut Report) -> Vec<HttpUrl> {
    if !written.is_empty() {
        return written;
    }
    if let Some(key) = node.key(key) {
        let message = format!("expected at least one address, found an empty list; leave it out for `{}`", usual[0]);
        report.error(&key.place, message);
    }
    usual
}

fn tls(node: &Node, written: Option<document::UpstreamTls>, addresses: &[HttpUrl], report: &mut Report) -> UpstreamTls {
    if let (Some(key), false) = (node.key("tls"), addresses.iter().any(|address| address.is_tls)) {
        let message = "`tls` means nothing for addresses with `http`";
        report.error_with_hint(&key.place, message, "write `https`, or leave it out");
    }
    written.map(tls_rules).unwrap_or_default()
}

fn credentials(
    node: &Node,
    user: Option<Name>,
    password: Option<SecretSource>,
    report: &mut Report,
) -> Option<(Arc<str>, SecretSource)> {
    match (user, password) {
        (Some(user), Some(password)) => Some((name(user), password)),
        (None, None) => None,
        (user, _) => {
            let missing = if user.is_some() { "password" } else { "user" };
            report.error(&node.place, format!("missing key `{missing}`: `user` and `password` go together"));
            None
        }
    }
}

/// `None`: the report says why.
fn registration(node: &Node, written: document::Registration, report: &mut Report) -> Option<Registration> {
    let document::Registration { places, service, id, address: EndpointTarget(address), tls, labels, ttl } = written;
    if places.is_empty() {
        report
            .error(&node.near("in").place, "expected at least one of `consul`, `etcd`, `eureka`, found an empty list");
    }
    let (host, port) = match address {
        EndpointAddress::Socket(address) => (address.ip().to_string().into(), address.port()),
        EndpointAddress::Name { host, port } => (host, port),
        EndpointAddress::Unix(_) => {
            let message = "nobody on another machine reaches a Unix socket";
            report.error_with_hint(&node.near("address").place, message, "name a host with a port");
            return None;
        }
    };
    let bounds = Duration::from_secs(3)..=Duration::from_hours(1);
    let ttl = ttl.map_or(Duration::from_secs(30), |Timeout(ttl)| ttl);
    if !bounds.contains(&ttl) {
        report.error(&node.near("ttl").place, "expected a time from `3s` to `1h`");
    }
    let is_in = |place| places.contains(&place);
    Some(Registration {
        place: node.place.clone(),
        consul: is_in(RegistrationPlace::Consul),
        etcd: is_in(RegistrationPlace::Etcd),
        eureka: is_in(RegistrationPlace::Eureka),
        service: service.map_or_else(|| "sluice".into(), name),
        id: id.map(name),
        host,
        port,
        is_tls: tls,
        // Sorted, because a `BTreeMap` is.
        labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        ttl,
    })
}

fn registry(node: &Node, written: document::Registry, admin: Option<&Address>, report: &mut Report) -> Registry {
    let document::Registry { address: ListenAddress(address), token, max_ttl } = written;
    let is_any_port = matches!(address, Address::Tcp(address) if address.port() == 0);
    if admin == Some(&address) && !is_any_port {
        let message = format!("`{address}` is the address of `gateway.admin`");
        report.error_with_hint(&node.near("address").place, message, "give the registry another port");
    }
    Registry { address, token, max_ttl: max_ttl.map_or(Duration::from_mins(5), Into::into) }
}

//! Where endpoints are found.

use std::sync::Arc;

use crate::{
    ConsulService, Discovery, DnsService, EtcdFormat, EtcdService, EurekaService, Node, Report, Service, TextOr,
    document,
    values::{Count, DnsName, Name},
};

/// `has_registry` says whether there is one of our own, if that is known. `None`: the report says why.
pub(super) fn check(
    node: &Node,
    written: document::Discovery,
    has_registry: Option<bool>,
    report: &mut Report,
) -> Option<Discovery> {
    let service = match written {
        document::Discovery::Consul(written) => Service::Consul(consul(node.near("consul"), written, report)),
        document::Discovery::Etcd(written) => Service::Etcd(etcd(node.near("etcd"), &written, report)),
        document::Discovery::Eureka(document::EurekaService { app: Name(app), vip, secure }) => {
            let app = app.to_uppercase().into();
            Service::Eureka(EurekaService { app, vip: vip.map(name), is_secure: secure })
        }
        document::Discovery::Dns(written) => Service::Dns(dns(node.near("dns"), written, report)?),
        document::Discovery::Registry(TextOr(document::RegistryService { service: Name(service) })) => {
            if has_registry == Some(false) {
                let hint = "say where services register: `gateway: { registry: { address: … } }`";
                report.error_with_hint(&node.near("registry").place, "the gateway has no registry of its own", hint);
            }
            Service::Registry(service)
        }
        document::Discovery::File(path) => {
            if path.as_os_str().is_empty() {
                report.error(&node.near("file").place, "expected the path of a file, found an empty text");
            }
            Service::File(path)
        }
    };
    Some(Discovery { place: node.place.clone(), service })
}

pub(super) fn name(Name(name): Name) -> Arc<str> {
    name
}

fn consul(node: &Node, written: document::ConsulService, report: &mut Report) -> ConsulService {
    let document::ConsulService { service, tag, tags, datacenter, namespace } = written;
    if let (Some(key), Some(_)) = (node.key("tag"), node.key("tags")) {
        report.error_with_hint(&key.place, "`tag` is `tags` with one of them, and both are here", "keep `tags`");
    }
    let mut tags: Vec<_> = tags.into_iter().chain(tag).map(name).collect();
    // The order says nothing, and equal services are one watch.
    tags.sort_unstable();
    tags.dedup();
    ConsulService { service: name(service), tags, datacenter: datacenter.map(name), namespace: namespace.map(name) }
}

fn etcd(node: &Node, written: &document::EtcdService, report: &mut Report) -> EtcdService {
    let document::EtcdService { prefix, format } = written;
    let stem = prefix.trim_end_matches('/');
    if stem.is_empty() {
        let hint = "name the keys of one service, for example `/services/orders/`";
        report.error_with_hint(&node.near("prefix").place, "all keys of etcd are no service", hint);
    }
    EtcdService {
        prefix: format!("{stem}/").into(),
        format: match format {
            document::EtcdFormat::Sluice => EtcdFormat::Sluice,
            document::EtcdFormat::Naming => EtcdFormat::Naming,
        },
    }
}

fn dns(node: &Node, written: document::DnsService, report: &mut Report) -> Option<DnsService> {
    let document::DnsService { name, port, srv } = written;
    match (name, port, srv) {
        (Some(DnsName(name)), Some(Count(port)), None) => {
            // Bounded by its type.
            u16::try_from(port).ok().map(|port| DnsService::Host { name, port })
        }
        (None, None, Some(DnsName(name))) => Some(DnsService::Srv { name }),
        (Some(_), None, None) => {
            let hint = "the addresses of a name (A, AAAA) have none; or ask for SRV records with `srv`";
            report.error_with_hint(&node.place, "missing key `port`", hint);
            None
        }
        (_, _, None) => {
            let hint = "add `name` and `port` for the addresses of a host, or `srv` for SRV records";
            report.error_with_hint(&node.place, "it is not said which name is asked for", hint);
            None
        }
        (_, _, Some(_)) => {
            let hint = "keep `srv`, or `name` with `port`";
            report.error_with_hint(&node.near("srv").place, "SRV records tell hosts and ports themselves", hint);
            None
        }
    }
}

//! What clients of Consul are told.

use serde_json::{Value, json};

use crate::core::{CheckKind, CheckStatus, Registered, Status};

/// Where everything is: there is one of each.
pub(super) const DATACENTER: &str = "dc1";
pub(super) const NODE: &str = "sluice";
const NODE_ID: &str = "00000000-0000-0000-0000-000000000000";
pub(super) const LEADER: &str = "127.0.0.1:8300";

/// As an agent tells it.
pub(super) fn service(registered: &Registered) -> Value {
    let instance = &registered.instance;
    json!({
        "ID": instance.key.id,
        "Service": instance.key.service,
        "Tags": instance.tags,
        "Meta": instance.labels,
        "Port": instance.port,
        "Address": instance.host,
        "TaggedAddresses": {},
        "Weights": { "Passing": instance.weight, "Warning": instance.weight },
        "EnableTagOverride": false,
        "Datacenter": DATACENTER,
        "CreateIndex": registered.created,
        "ModifyIndex": registered.modified,
    })
}

/// As `/v1/health/service` tells it.
pub(super) fn entry(registered: &Registered) -> Value {
    json!({ "Node": node(&registered.instance.host), "Service": service(registered), "Checks": checks(registered) })
}

/// As the catalog tells it.
pub(super) fn catalog_entry(registered: &Registered) -> Value {
    let instance = &registered.instance;
    json!({
        "ID": NODE_ID,
        "Node": NODE,
        "Address": instance.host,
        "Datacenter": DATACENTER,
        "TaggedAddresses": {},
        "NodeMeta": {},
        "ServiceID": instance.key.id,
        "ServiceName": instance.key.service,
        "ServiceAddress": instance.host,
        "ServicePort": instance.port,
        "ServiceTags": instance.tags,
        "ServiceMeta": instance.labels,
        "ServiceWeights": { "Passing": instance.weight, "Warning": instance.weight },
        "ServiceEnableTagOverride": false,
        "CreateIndex": registered.created,
        "ModifyIndex": registered.modified,
    })
}

/// There is one node; services have addresses of their own, so that it does not matter what its is.
pub(super) fn node(address: &str) -> Value {
    json!({
        "ID": NODE_ID,
        "Node": NODE,
        "Address": address,
        "Datacenter": DATACENTER,
        "TaggedAddresses": {},
        "Meta": {},
        "CreateIndex": 1,
        "ModifyIndex": 1,
    })
}

/// The checks of an instance, and one more if something else than a check keeps it from being up.
pub(super) fn checks(registered: &Registered) -> Vec<Value> {
    let instance = &registered.instance;
    let check = |id: &str, name: &str, kind: &str, status: CheckStatus, notes: &str, output: &str| {
        json!({
            "Node": NODE,
            "CheckID": id,
            "Name": name,
            "Status": status.name(),
            "Notes": notes,
            "Output": output,
            "ServiceID": instance.key.id,
            "ServiceName": instance.key.service,
            "ServiceTags": instance.tags,
            "Type": kind,
            "Definition": {},
            "CreateIndex": registered.created,
            "ModifyIndex": registered.modified,
        })
    };
    let mut checks: Vec<Value> = instance
        .checks
        .iter()
        .map(|c| {
            let kind = match &c.kind {
                CheckKind::Ttl(_) => "ttl",
                CheckKind::Probe(probe) if probe.http.is_some() => "http",
                CheckKind::Probe(_) => "tcp",
            };
            check(&c.id, &c.name, kind, c.status, &c.notes, &c.output)
        })
        .collect();
    let status = instance.effective_status();
    if status != Status::Up && !instance.checks.iter().any(|check| check.status == CheckStatus::Critical) {
        let id = format!("_service_maintenance:{}", instance.key.id);
        let notes = format!("the instance is {}", status.name());
        checks.push(check(&id, "Service Maintenance Mode", "maintenance", CheckStatus::Critical, &notes, ""));
    }
    checks
}

/// Whether `?passing` leaves it in.
pub(super) fn is_passing(registered: &Registered) -> bool {
    let warns = registered.instance.checks.iter().any(|check| check.status == CheckStatus::Warning);
    registered.status() == Status::Up && !warns
}

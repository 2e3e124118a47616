//! What our own API says.

use std::time::Duration;

use serde_json::{Value, json};

use crate::core::Registered;

/// An instance, whatever dialect it registered in.
pub(super) fn instance(registered: &Registered) -> Value {
    let instance = &registered.instance;
    let checks: Vec<Value> = instance
        .checks
        .iter()
        .map(|check| json!({ "id": check.id, "name": check.name, "status": check.status.name(), "output": check.output }))
        .collect();
    json!({
        "service": instance.key.service,
        "id": instance.key.id,
        "address": instance.address(),
        "weight": instance.weight,
        "labels": instance.labels,
        "tags": instance.tags,
        "status": instance.effective_status().name(),
        "said": instance.status.name(),
        "override": instance.overridden.map(crate::core::Status::name),
        "ttl": instance.ttl().map(text),
        "checks": checks,
        "dialect": instance.dialect.name(),
        "confirmed": registered.is_confirmed,
        "registered_at": registered.registered_at,
        "renewed_at": registered.renewed_at,
        "index": registered.modified,
    })
}

/// As it may be said.
fn text(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

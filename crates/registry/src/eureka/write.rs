//! What clients of Eureka are told.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use crate::core::{Action, Instance, Registered, Status};

/// The class of a data center that is none of a cloud's.
pub(super) const MY_OWN: &str = "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo";

/// What stands where nobody said how long an instance lives.
const DURATION: u64 = 90;
const RENEWAL: u64 = 30;

/// How many there are of each status, such as `DOWN_1_UP_7_`. A client computes the same of its copy, and asks for
/// everything if it comes to something else.
pub(super) fn hash_of(count: impl Fn(Status) -> usize) -> String {
    let mut names: Vec<_> = Status::ALL.map(|status| (name(status), count(status))).into_iter().collect();
    names.retain(|(_, count)| *count > 0);
    names.sort_unstable();
    names.iter().map(|(name, count)| format!("{name}_{count}_")).collect()
}

/// Instances, each with how it changed or as it is, by application.
pub(super) fn applications<'i>(hash: &str, instances: impl Iterator<Item = (&'i Registered, Option<Action>)>) -> Value {
    let mut by_app: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (registered, action) in instances {
        by_app.entry(&registered.instance.key.service).or_default().push(instance(registered, action));
    }
    let applications: Vec<Value> = by_app.into_iter().map(|(app, instances)| application(app, &instances)).collect();
    json!({ "versions__delta": "1", "apps__hashcode": hash, "application": applications })
}

pub(super) fn application(service: &str, instances: &[Value]) -> Value {
    json!({ "name": service.to_ascii_uppercase(), "instance": instances })
}

/// An instance, whatever dialect it registered in.
pub(super) fn instance(registered: &Registered, action: Option<Action>) -> Value {
    let instance = &registered.instance;
    let words = instance.eureka.as_deref();
    let (port, secure_port) =
        words.map_or(((instance.port, true), (443, false)), |words| (words.port, words.secure_port));
    let host_name = words.map_or(&instance.host, |words| &words.host_name);
    let ip_address = words.map_or(&instance.host, |words| &words.ip_address);
    let mut told = json!({
        "instanceId": instance.key.id,
        "hostName": host_name,
        "app": instance.key.service.to_ascii_uppercase(),
        "ipAddr": ip_address,
        "status": name(instance.effective_status()),
        "overriddenstatus": instance.overridden.map_or("UNKNOWN", name),
        "port": told_port(port),
        "securePort": told_port(secure_port),
        "countryId": 1,
        "dataCenterInfo": data_center(instance),
        "leaseInfo": lease(registered),
        "metadata": metadata(instance),
        "vipAddress": vip(instance),
        "isCoordinatingDiscoveryServer": "false",
        "lastUpdatedTimestamp": registered.changed_at.to_string(),
        "lastDirtyTimestamp": words.map_or(registered.registered_at, |words| words.last_dirty).to_string(),
        "actionType": action.unwrap_or(Action::Added).name(),
    });
    if let (Some(words), Some(told)) = (words, told.as_object_mut()) {
        told.extend(words.texts.iter().map(|(name, text)| (name.to_string(), json!(text))));
    }
    told
}

/// The name by which other services ask for it: that of the service, if it has none.
pub(super) fn vip(instance: &Instance) -> &str {
    said(instance, "vipAddress").unwrap_or(&instance.key.service)
}

pub(super) fn secure_vip(instance: &Instance) -> &str {
    said(instance, "secureVipAddress").unwrap_or_default()
}

fn said<'i>(instance: &'i Instance, name: &str) -> Option<&'i str> {
    instance.eureka.as_ref()?.texts.get(name).map(|text| &**text)
}

fn told_port((port, is_enabled): (u16, bool)) -> Value {
    json!({ "$": port, "@enabled": is_enabled.to_string() })
}

fn data_center(instance: &Instance) -> Value {
    let said = instance.eureka.as_ref().and_then(|words| words.data_center.as_ref());
    match said {
        None => json!({ "@class": MY_OWN, "name": "MyOwn" }),
        Some((class, name, beside)) if beside.is_empty() => json!({ "@class": class, "name": name }),
        Some((class, name, beside)) => json!({ "@class": class, "name": name, "metadata": beside }),
    }
}

fn lease(registered: &Registered) -> Value {
    let instance = &registered.instance;
    json!({
        "renewalIntervalInSecs": instance.eureka.as_ref().map_or(RENEWAL, |words| words.renewal_interval),
        "durationInSecs": instance.ttl().map_or(DURATION, |ttl| ttl.as_secs()),
        "registrationTimestamp": registered.registered_at,
        "lastRenewalTimestamp": registered.renewed_at,
        "evictionTimestamp": 0,
        "serviceUpTimestamp": registered.up_since,
    })
}

/// Labels, and what has no other place here.
fn metadata(instance: &Instance) -> Value {
    let labels = instance.labels.iter().map(|(name, value): (&Arc<str>, _)| (name.to_string(), json!(value)));
    let mut metadata: Map<String, Value> = labels.collect();
    if instance.weight != 1 {
        metadata.entry("weight").or_insert_with(|| instance.weight.to_string().into());
    }
    metadata.into()
}

/// As Eureka calls it.
const fn name(status: Status) -> &'static str {
    match status {
        Status::Up => "UP",
        Status::Starting => "STARTING",
        Status::Draining => "OUT_OF_SERVICE",
        Status::Down => "DOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_codes_are_sorted_and_leave_out_what_is_none() {
        let of = |up, draining| {
            hash_of(|status| match status {
                Status::Up => up,
                Status::Draining => draining,
                _ => 0,
            })
        };
        assert_eq!(of(0, 0), "");
        assert_eq!(of(2, 1), "OUT_OF_SERVICE_1_UP_2_");
    }
}

//! Services that register themselves, and checks that they renew.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::sleep;

use super::{
    Shared,
    instance::{Check, Instance, Status, Ttl},
    query::{Query, duration},
};

/// What is registered, as far as this fake has words for it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    #[serde(rename = "ID", default)]
    id: String,
    name: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    address: String,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    meta: BTreeMap<String, String>,
    weights: Option<Weights>,
    check: Option<WrittenCheck>,
    #[serde(default)]
    checks: Vec<WrittenCheck>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Weights {
    passing: u32,
    warning: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenCheck {
    #[serde(rename = "CheckID", default)]
    id: String,
    #[serde(rename = "TTL")]
    ttl: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    deregister_critical_service_after: String,
}

/// However short it should be.
const LEAST_DEREGISTER_AFTER: Duration = Duration::from_secs(60);

/// The instance that somebody registers.
pub(super) fn read(body: &Bytes, query: &Query) -> Result<Instance, String> {
    let written: Definition =
        serde_json::from_slice(body).map_err(|error| format!("Request decode failed: {error}"))?;
    let id = if written.id.is_empty() { written.name.clone() } else { written.id };
    if written.weights.as_ref().is_some_and(|weights| weights.passing == 0) {
        return Err("Invalid Weights: Passing must be greater than 0".to_owned());
    }
    let checks: Vec<_> = written.check.into_iter().chain(written.checks).collect();
    let is_alone = checks.len() == 1;
    let checks = checks.iter().zip(1..).map(|(check, number)| {
        check.read(if is_alone { format!("service:{id}") } else { format!("service:{id}:{number}") })
    });
    Ok(Instance {
        checks: checks.collect::<Result<_, _>>()?,
        service: written.name,
        node: "node-1".to_owned(),
        node_address: "127.0.0.1".to_owned(),
        address: written.address,
        port: written.port,
        tags: written.tags,
        meta: written.meta,
        weights: written.weights.map_or((1, 1), |weights| (weights.passing, weights.warning)),
        datacenter: "dc1".to_owned(),
        namespace: query.get("ns").unwrap_or("default").to_owned(),
        id,
    })
}

/// Registers it, and lets its checks expire.
pub(super) fn put(shared: &Arc<Shared>, mut instance: Instance) {
    let checks: Vec<_> = instance.checks.iter().map(|check| check.id.clone()).collect();
    shared.change(|state| {
        let renewal = state.renewal();
        instance.checks.iter_mut().filter_map(|check| check.ttl.as_mut()).for_each(|ttl| ttl.renewal = renewal);
        state.put(instance);
    });
    checks.into_iter().for_each(|check| expire(shared, check));
}

/// Somebody says how a check is; false if there is no such one.
pub(super) fn renew(shared: &Arc<Shared>, check: &str, status: Status) -> bool {
    let Some((id, _)) = shared.state().check(check) else { return false };
    let is_known = shared.change(|state| {
        let renewal = state.renewal();
        state.update(&id, |instance| {
            for own in instance.checks.iter_mut().filter(|own| own.id == check) {
                own.status = status;
                if let Some(ttl) = &mut own.ttl {
                    ttl.renewal = renewal;
                }
            }
        })
    });
    expire(shared, check.to_owned());
    is_known
}

/// Lets a check be critical once nobody renews it, and its service be taken out later.
fn expire(shared: &Arc<Shared>, check: String) {
    let Some((id, Check { ttl: Some(ttl), .. })) = shared.state().check(&check) else { return };
    let weak = Arc::downgrade(shared);
    shared.scope.spawn(async move {
        let is_overdue = |shared: &Shared| {
            let now = shared.state().check(&check);
            now.and_then(|(_, check)| check.ttl).is_some_and(|now| now.renewal == ttl.renewal)
        };
        sleep(ttl.time).await;
        let Some(shared) = weak.upgrade().filter(|shared| is_overdue(shared)) else { return };
        shared.change(|state| {
            state.update(&id, |instance| {
                for own in instance.checks.iter_mut().filter(|own| own.id == check) {
                    own.status = Status::Critical;
                    "TTL expired".clone_into(&mut own.output);
                }
            })
        });
        drop(shared);
        let Some(after) = ttl.deregister_after else { return };
        sleep(after).await;
        if let Some(shared) = weak.upgrade().filter(|shared| is_overdue(shared)) {
            shared.change(|state| state.remove(&id));
        }
    });
}

// === impl WrittenCheck ===

impl WrittenCheck {
    fn read(&self, id: String) -> Result<Check, String> {
        let time =
            |text: &str| duration(text).ok_or_else(|| format!("Invalid check: time: invalid duration \"{text}\""));
        let after = match &*self.deregister_critical_service_after {
            "" => None,
            text => Some(time(text)?.max(LEAST_DEREGISTER_AFTER)),
        };
        let status = match &*self.status {
            // Nobody has said yet that it is well.
            "" => Status::Critical,
            text => Status::named(text).ok_or_else(|| format!("Invalid check status: \"{text}\""))?,
        };
        let ttl = Ttl { time: time(&self.ttl)?, deregister_after: after, renewal: 0 };
        let id = if self.id.is_empty() { id } else { self.id.clone() };
        Ok(Check { status, ttl: Some(ttl), ..Check::new(id) })
    }
}

//! What health answers say of each instance.

use std::{collections::BTreeMap, sync::Arc};

use model::{EndpointAddress, FromText, values::EndpointTarget};
use serde::Deserialize;
use serde_json::Value;
use upstream::discovery::{Answer, Failure, FailureKind, Flaw, Instance, Status};

use super::agent::Said;

/// An element of the answer, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    node: Node,
    service: Service,
    #[serde(default)]
    checks: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    node: String,
    #[serde(default)]
    address: String,
    locality: Option<Locality>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    /// Empty: that of the node.
    #[serde(default)]
    address: String,
    #[serde(default)]
    port: u32,
    meta: Option<BTreeMap<Arc<str>, Arc<str>>>,
    /// Since Consul 1.2.3.
    weights: Option<Weights>,
    /// Since Consul 1.17.
    locality: Option<Locality>,
}

/// How many requests an instance wants beside others, by how well it is.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Weights {
    passing: u32,
    warning: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Locality {
    #[serde(default)]
    zone: Arc<str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    #[serde(rename = "CheckID")]
    id: String,
    status: String,
}

/// How well an instance is: as its worst check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Passing,
    Warning,
    Critical,
    /// Somebody took it, or its node, out of use for a while. Agents write it as a critical check.
    Maintenance,
}

const NODE_MAINTENANCE: &str = "_node_maintenance";
const SERVICE_MAINTENANCE: &str = "_service_maintenance";
/// The label that says where an instance stands.
const ZONE: &str = "zone";

/// The instances of an answer.
pub(super) fn read(said: &Said) -> Result<Answer, Failure> {
    let elements: Vec<Value> = serde_json::from_slice(&said.body)
        .map_err(|error| said.failure(FailureKind::Malformed, format_args!("no list of instances: {error}")))?;
    let mut answer = Answer::default();
    for (index, element) in elements.into_iter().enumerate() {
        let id = id(&element, index);
        match instance(element) {
            Ok(instance) => answer.instances.push(instance),
            Err(detail) => answer.flaws.push(Flaw { id, detail }),
        }
    }
    Ok(answer)
}

/// What to call an element of which it is not known whether it is an instance.
fn id(element: &Value, index: usize) -> Arc<str> {
    match (element["Node"]["Node"].as_str(), element["Service"]["ID"].as_str()) {
        (Some(node), Some(id)) => name(node, id),
        (None, Some(id)) => id.into(),
        (_, None) => format!("number {}", index + 1).into(),
    }
}

/// The ids of services are unique on their node only.
fn name(node: &str, id: &str) -> Arc<str> {
    format!("{node}/{id}").into()
}

fn instance(element: Value) -> Result<Instance, String> {
    let Written { node, service, checks } = serde_json::from_value(element).map_err(|error| error.to_string())?;
    let health = health(&checks)?;
    let weights = service.weights.unwrap_or(Weights { passing: 1, warning: 1 });
    let host = if service.address.is_empty() { &node.address } else { &service.address };
    let zone = service.locality.or(node.locality).map(|locality| locality.zone);
    Ok(Instance {
        id: name(&node.node, &service.id),
        address: address(host, service.port, &node.node)?,
        weight: if health == Health::Warning { weights.warning } else { weights.passing },
        tier: 0,
        labels: labels(service.meta.unwrap_or_default(), zone),
        status: match health {
            Health::Passing | Health::Warning => Status::Up,
            Health::Critical => Status::Down,
            Health::Maintenance => Status::Draining,
        },
    })
}

fn health(checks: &[Check]) -> Result<Health, String> {
    let mut worst = Health::Passing;
    for check in checks {
        let health = match &*check.status {
            "passing" => Health::Passing,
            "warning" => Health::Warning,
            "critical" if is_maintenance(&check.id) => Health::Maintenance,
            "critical" => Health::Critical,
            other => return Err(format!("the check `{}` has the status `{other}`", check.id)),
        };
        worst = worst.max(health);
    }
    Ok(worst)
}

fn is_maintenance(check: &str) -> bool {
    check == NODE_MAINTENANCE || check.starts_with(SERVICE_MAINTENANCE)
}

fn address(host: &str, port: u32, node: &str) -> Result<EndpointAddress, String> {
    if host.is_empty() {
        return Err(format!("neither it nor its node `{node}` has an address"));
    }
    let text = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    EndpointTarget::from_text(&text).map(|EndpointTarget(address)| address)
}

/// What it says of itself, and where it stands if it says so in the words of newer agents.
fn labels(mut meta: BTreeMap<Arc<str>, Arc<str>>, zone: Option<Arc<str>>) -> Vec<(Arc<str>, Arc<str>)> {
    if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
        meta.entry(ZONE.into()).or_insert(zone);
    }
    meta.into_iter().collect()
}

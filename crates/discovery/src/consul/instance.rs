//! What health answers say of each instance.

use std::{collections::BTreeMap, net::Ipv6Addr, sync::Arc};

use model::{EndpointAddress, FromText, values::EndpointTarget};
use serde::Deserialize;
use serde_json::Value;
use upstream::discovery::{Answer, Flaw, Instance, Status};

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
///
/// # Errors
/// It is no list at all.
pub(super) fn read(body: &[u8]) -> Result<Answer, serde_json::Error> {
    let elements: Vec<Value> = serde_json::from_slice(body)?;
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
    let text = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    match EndpointTarget::from_text(&text)? {
        EndpointTarget(EndpointAddress::Unix(_)) => Err(format!("`{host}` is a socket of another machine")),
        EndpointTarget(address) => Ok(address),
    }
}

/// What it says of itself, and where it stands if it says so in the words of newer agents.
fn labels(mut meta: BTreeMap<Arc<str>, Arc<str>>, zone: Option<Arc<str>>) -> Vec<(Arc<str>, Arc<str>)> {
    if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
        meta.entry(ZONE.into()).or_insert(zone);
    }
    meta.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_one(service: &Value, checks: &Value) -> Result<Instance, Flaw> {
        let node = json!({ "Node": "n1", "Address": "10.0.0.9", "Locality": { "Region": "r", "Zone": "b" } });
        let body = json!([{ "Node": node, "Service": service, "Checks": checks }]).to_string();
        let Answer { mut instances, mut flaws } = read(body.as_bytes()).unwrap();
        assert_eq!(instances.len() + flaws.len(), 1);
        instances.pop().ok_or_else(|| flaws.remove(0))
    }

    fn check(id: &str, status: &str) -> Value {
        json!({ "CheckID": id, "Status": status })
    }

    #[test]
    fn addresses_fall_back_to_those_of_nodes() {
        for (address, port, told) in [
            (json!("10.0.0.1"), 80, "10.0.0.1:80"),
            (json!(""), 80, "10.0.0.9:80"),
            (json!("fd00::1"), 80, "[fd00::1]:80"),
            (json!("[fd00::1]"), 80, "[fd00::1]:80"),
            (json!("Users.Internal"), 8080, "users.internal:8080"),
        ] {
            let read = read_one(&json!({ "ID": "a", "Address": address, "Port": port }), &json!([])).unwrap();
            assert_eq!(read.address.to_string(), told);
            assert_eq!(&*read.id, "n1/a");
        }
    }

    #[test]
    fn the_worst_check_says_how_it_is() {
        let service = json!({ "ID": "a", "Port": 80, "Weights": { "Passing": 10, "Warning": 2 } });
        let (passing, warning, critical) = (check("a", "passing"), check("b", "warning"), check("c", "critical"));
        for (checks, status, weight) in [
            (json!([]), Status::Up, 10),
            (json!([passing]), Status::Up, 10),
            (json!([passing, warning]), Status::Up, 2),
            (json!([critical, passing, warning]), Status::Down, 10),
            (json!([passing, check("_node_maintenance", "critical")]), Status::Draining, 10),
            (json!([critical, check("_service_maintenance:a", "critical")]), Status::Draining, 10),
        ] {
            let read = read_one(&service, &checks).unwrap();
            assert_eq!((read.status, read.weight), (status, weight), "{checks}");
        }
    }

    #[test]
    fn labels_are_what_it_says_of_itself() {
        let label = |key: &str, value: &str| (Arc::from(key), Arc::from(value));
        let read = |service: Value| read_one(&service, &json!([])).unwrap().labels;
        assert_eq!(read(json!({ "ID": "a", "Port": 80 })), [label("zone", "b")]);
        let meta = json!({ "zone": "a", "version": "v2" });
        assert_eq!(
            read(json!({ "ID": "a", "Port": 80, "Meta": meta, "Locality": { "Zone": "c" } })),
            [label("version", "v2"), label("zone", "a")]
        );
        assert_eq!(read(json!({ "ID": "a", "Port": 80, "Locality": { "Zone": "c" } })), [label("zone", "c")]);
    }

    #[test]
    fn what_is_malformed_says_why() {
        let critical = json!([check("c", "dead")]);
        for (service, checks, why) in [
            (json!({ "ID": "a", "Port": 0 }), json!([]), "the port 0"),
            (json!({ "ID": "a", "Port": 70000 }), json!([]), "`70000` is no port"),
            (json!({ "ID": "a", "Port": 80, "Address": "unix:/run/a" }), json!([]), "a socket of another"),
            (json!({ "ID": "a", "Port": 80, "Address": "http://a" }), json!([]), "an address has no scheme"),
            (json!({ "ID": "a", "Port": "80" }), json!([]), "invalid type: string"),
            (json!({ "ID": "a", "Port": 80, "Weights": { "Passing": -1, "Warning": 1 } }), json!([]), "invalid value"),
            (json!({ "ID": "a", "Port": 80 }), critical, "the check `c` has the status `dead`"),
            (json!({ "Port": 80 }), json!([]), "missing field `ID`"),
        ] {
            let flaw = read_one(&service, &checks).unwrap_err();
            assert!(flaw.detail.contains(why), "{flaw:?} says not {why}");
        }
    }

    #[test]
    fn who_is_well_stays_beside_who_is_not() {
        let well = json!({ "Node": { "Node": "n", "Address": "10.0.0.1" }, "Service": { "ID": "a", "Port": 80 } });
        let answer = read(json!([7, well, {}]).to_string().as_bytes()).unwrap();
        assert_eq!(answer.instances.iter().map(|instance| &*instance.id).collect::<Vec<_>>(), ["n/a"]);
        assert_eq!(answer.flaws.iter().map(|flaw| &*flaw.id).collect::<Vec<_>>(), ["number 1", "number 3"]);
        for text in ["", "null", "{}", "[", "[]]", "<html>"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}

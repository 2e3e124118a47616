//! An instance as it is registered, and as it is told.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::{Value, json};

/// One of those that serve under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub service: String,
    pub id: String,
    pub node: String,
    /// Of the node.
    pub node_address: String,
    /// Empty: that of the node.
    pub address: String,
    pub port: u16,
    pub tags: Vec<String>,
    pub meta: BTreeMap<String, String>,
    /// While it passes, and while there is a warning.
    pub weights: (u32, u32),
    pub datacenter: String,
    pub namespace: String,
    pub(super) checks: Vec<Check>,
}

/// How well it is, as a check has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Status {
    #[default]
    Passing,
    Warning,
    Critical,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) output: String,
    /// None: the check is no business of the agent.
    pub(super) ttl: Option<Ttl>,
}

/// A check that is critical unless somebody says otherwise often enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ttl {
    pub(super) time: Duration,
    /// How long it may be critical before its service is taken out.
    pub(super) deregister_after: Option<Duration>,
    /// Which renewal, of all that the agent has seen, was its last.
    pub(super) renewal: u64,
}

const MAINTENANCE: &str = "_service_maintenance:";

// === impl Instance ===

impl Instance {
    /// An instance that passes its one check.
    pub fn new(service: &str, id: &str, address: SocketAddr) -> Self {
        Self {
            service: service.to_owned(),
            id: id.to_owned(),
            node: "node-1".to_owned(),
            node_address: "127.0.0.1".to_owned(),
            address: address.ip().to_string(),
            port: address.port(),
            tags: Vec::new(),
            meta: BTreeMap::new(),
            weights: (1, 1),
            datacenter: "dc1".to_owned(),
            namespace: "default".to_owned(),
            checks: vec![Check::new(format!("service:{id}"))],
        }
    }

    #[must_use]
    pub fn tags(mut self, tags: &[&str]) -> Self {
        self.tags = tags.iter().map(ToString::to_string).collect();
        self
    }

    #[must_use]
    pub fn meta(mut self, meta: &[(&str, &str)]) -> Self {
        self.meta = meta.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        self
    }

    #[must_use]
    pub fn weights(mut self, passing: u32, warning: u32) -> Self {
        self.weights = (passing, warning);
        self
    }

    #[must_use]
    pub fn status_of_check(mut self, status: Status) -> Self {
        self.set_status(status);
        self
    }

    #[must_use]
    pub fn node(mut self, name: &str, address: &str) -> Self {
        (self.node, self.node_address) = (name.to_owned(), address.to_owned());
        self
    }

    /// How well it is: as its worst check.
    pub fn status(&self) -> Status {
        self.checks.iter().map(|check| check.status).max().unwrap_or_default()
    }

    pub(super) fn set_status(&mut self, status: Status) {
        self.checks
            .iter_mut()
            .filter(|check| !check.id.starts_with(MAINTENANCE))
            .for_each(|check| check.status = status);
    }

    pub(super) fn set_maintenance(&mut self, is_on: bool) {
        self.checks.retain(|check| !check.id.starts_with(MAINTENANCE));
        if is_on {
            let check = Check { status: Status::Critical, ..Check::new(format!("{MAINTENANCE}{}", self.id)) };
            self.checks.push(check);
        }
    }

    /// Whether it has all of these tags; their case does not count.
    pub(super) fn has_tags(&self, wanted: &[String]) -> bool {
        wanted.iter().all(|wanted| self.tags.iter().any(|tag| tag.eq_ignore_ascii_case(wanted)))
    }

    /// As `/v1/health/service` has it.
    pub(super) fn health(&self) -> Value {
        let alive = json!({
            "Node": self.node, "CheckID": "serfHealth", "Name": "Serf Health Status", "Status": "passing",
            "Notes": "", "Output": "Agent alive and reachable",
            "ServiceID": "", "ServiceName": "", "ServiceTags": [],
        });
        let checks: Vec<_> = [alive].into_iter().chain(self.checks.iter().map(|check| self.check(check))).collect();
        json!({
            "Node": {
                "Node": self.node,
                "Address": self.node_address,
                "Datacenter": self.datacenter,
                "TaggedAddresses": { "lan": self.node_address, "wan": self.node_address },
                "Meta": { "consul-network-segment": "" },
            },
            "Service": self.service(),
            "Checks": checks,
        })
    }

    /// As `/v1/agent/services` has it.
    pub(super) fn service(&self) -> Value {
        json!({
            "ID": self.id,
            "Service": self.service,
            "Tags": self.tags,
            "Address": self.address,
            "Meta": self.meta,
            "Port": self.port,
            "Weights": { "Passing": self.weights.0, "Warning": self.weights.1 },
            "EnableTagOverride": false,
            "Namespace": self.namespace,
        })
    }

    fn check(&self, check: &Check) -> Value {
        json!({
            "Node": self.node, "CheckID": check.id, "Name": check.id, "Status": check.status.name(),
            "Notes": "", "Output": check.output,
            "ServiceID": self.id, "ServiceName": self.service, "ServiceTags": self.tags,
        })
    }
}

// === impl Check ===

impl Check {
    pub(super) fn new(id: String) -> Self {
        Self { id, status: Status::Passing, output: String::new(), ttl: None }
    }
}

// === impl Status ===

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Passing, Self::Warning, Self::Critical].into_iter().find(|status| status.name() == name)
    }
}

//! This gateway among those that share a document in etcd, if there are such.

use std::{
    fs, io,
    sync::{Arc, OnceLock, Weak},
    time::{Duration, SystemTime},
};

use cluster::{Cluster, Dependency, Node};
use control::{Control, OpenHome};
use revisions::Store;
use snapshot::{DependencyTold, NodeTold};
use telemetry::{Expose, Exposition, rfc3339};
use tokio::{
    runtime::Handle,
    task::block_in_place,
    time::{MissedTickBehavior, interval},
};

/// The gateways that share a document; this one alone, if its document is nobody else's.
#[derive(Clone)]
pub(super) struct Nodes(Arc<Shared>);

struct Shared {
    /// Once the document has said that there are others.
    cluster: OnceLock<Arc<Cluster>>,
    started: SystemTime,
}

/// How soon others hear of what becomes of this one.
const EVERY: Duration = Duration::from_millis(500);

// === impl Nodes ===

impl Nodes {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared { cluster: OnceLock::new(), started: SystemTime::now() }))
    }

    /// Opens the store of revisions in etcd.
    pub(super) fn opener(&self) -> OpenHome {
        let shared = self.0.clone();
        Box::new(move |home, state, most| {
            let opened = block_in_place(|| Handle::current().block_on(Cluster::open(home, state, most)));
            let cluster = Arc::new(opened.map_err(|error| io::Error::other(error.to_string()))?);
            _ = shared.cluster.set(cluster.clone());
            Ok(cluster as Arc<dyn Store>)
        })
    }

    /// Has others told of this one, for as long as it is there.
    pub(super) fn tell(&self, control: &Arc<Control>) {
        if let Some(cluster) = self.0.cluster.get() {
            tokio::spawn(tell(self.clone(), cluster.clone(), Arc::downgrade(control)));
        }
    }

    /// Takes this one out of the list of the others: a few seconds at most.
    pub(super) async fn leave(&self) {
        if let Some(cluster) = self.0.cluster.get() {
            cluster.leave().await;
        }
    }

    /// All of them, in the order of their names.
    pub(super) fn told(&self, control: &Control) -> Vec<NodeTold> {
        let own = self.node(control);
        let Some(cluster) = self.0.cluster.get() else { return vec![told(own, true, 0)] };
        let newest = cluster.newest();
        let skew = |node: &Node| newest.saturating_sub(node.revision);
        let others = cluster.nodes().into_iter().filter(|(instance, _)| instance != cluster.instance());
        let mut all: Vec<_> = others.map(|(_, node)| node).map(|node| (skew(&node), node, false)).collect();
        // What it is now, and also while etcd is away.
        all.push((skew(&own), own, true));
        let mut all: Vec<_> = all.into_iter().map(|(skew, node, is_self)| told(node, is_self, skew)).collect();
        all.sort_by(|a, b| (&a.name, &a.started).cmp(&(&b.name, &b.started)));
        all
    }

    fn node(&self, control: &Control) -> Node {
        let mut dependencies = Vec::new();
        if self.0.cluster.get().is_some() {
            dependencies.push(dependency("etcd", control.revision_trouble()));
        }
        dependencies.push(dependency("discovery", control.awaited_services()));
        let started = self.0.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        Node {
            name: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: control.live_revision(),
            generation: control.snapshot().generation,
            started: u64::try_from(started).unwrap_or(u64::MAX),
            admin: None,
            dependencies,
        }
    }
}

impl Expose for Nodes {
    /// Nothing of a gateway whose document is nobody else's.
    fn expose(&self, out: &mut Exposition) {
        if let Some(cluster) = self.0.cluster.get() {
            cluster.expose(out);
        }
    }
}

async fn tell(nodes: Nodes, cluster: Arc<Cluster>, control: Weak<Control>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Some(control) = control.upgrade() else { return };
        cluster.tell(nodes.node(&control));
    }
}

fn dependency(name: &str, trouble: Option<String>) -> Dependency {
    Dependency { name: name.to_owned(), ok: trouble.is_none(), detail: trouble.unwrap_or_default() }
}

fn told(node: Node, is_self: bool, skew: u64) -> NodeTold {
    let Node { name, version, revision, generation, started, dependencies, admin: _ } = node;
    let started = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(started)).unwrap_or(SystemTime::UNIX_EPOCH);
    let uptime_seconds = SystemTime::now().duration_since(started).unwrap_or_default().as_secs();
    let dependency = |Dependency { name, ok, detail }| {
        let detail = Some(detail).filter(|detail: &String| !detail.is_empty());
        DependencyTold { name, ok, detail }
    };
    let dependencies = dependencies.into_iter().map(dependency).collect();
    let started = rfc3339(started);
    NodeTold { name, version, revision, generation, started, uptime_seconds, is_self, skew, dependencies }
}

/// Of the machine, or the container.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

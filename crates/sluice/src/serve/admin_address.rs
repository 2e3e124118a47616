//! The admin address of a running gateway.

use std::{
    panic::resume_unwind,
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

use admin::{AuditEntry, Check, Denied, Later, LogLevelOrder, LogLevelTold, Readiness, Tap};
use control::Control;
use message::Token;
use revisions::{Meta, Revision, edit::List};
use serde_json::{Map, Value};
use snapshot::{
    BreakerOrder, BreakerTold, CertificateTold, ChangeError, ChangeOrder, ChangeTold, Diff, EndpointHealthTold,
    EndpointOrder, EndpointOrderError, Explanation, KeyUsed, LiveEndpointTold, NodeTold, ObjectTold, Operators,
    OrderError, Question, QuestionError, ServiceOrder, ServiceOrderError, ServiceTold,
};
use telemetry::{
    Format,
    flight::{Caller, Callers, Filter, Flight},
    history::{Busy, Point, Resolution, Subject},
};

use super::{
    audit::{AuditLog, Counters},
    bind::{self, Mode},
    changes::Changes,
    nodes::Nodes,
    served::Served,
};
use crate::{failure::Failure, log::Levels};

/// The gateway as its admin address sees it.
struct Operated {
    control: Arc<Control>,
    changes: Changes,
    nodes: Nodes,
    token: Token,
    levels: Levels,
    audit: AuditLog,
}

/// What operators are shown beside what [`Control`] knows.
pub(super) struct Shown {
    pub(super) changes: Changes,
    pub(super) nodes: Nodes,
    pub(super) levels: Levels,
    pub(super) counters: Arc<Counters>,
}

/// Binds the address that the document names, if any, and answers operators there.
pub(super) fn open(
    document: &Path,
    control: &Arc<Control>,
    shown: Shown,
    state: &Path,
) -> Result<Option<Served>, Failure> {
    let Some((address, token)) = control.admin() else { return Ok(None) };
    let refused = |error| bind::refused(document, "admin", &format!("{address} for operators"), &error);
    let (listener, address) = bind::bind(&address, Mode::Private).map_err(refused)?;
    let Shown { changes, nodes, levels, counters } = shown;
    let audit = AuditLog::start(state, counters)
        .map_err(|error| Failure::Other(format!("cannot start the audit log: {error}")))?;
    let gateway = Arc::new(Operated { control: control.clone(), changes, nodes, token, levels, audit });
    Ok(Some(Served::start(address, |stopped| admin::serve(listener, gateway, stopped))))
}

// === impl Operated ===

impl admin::Gateway for Operated {
    /// The address is opened after the listeners are bound and the first document is live, so those two hold.
    fn readiness(&self) -> Readiness {
        let drain = match self.control.is_draining() {
            false => Check::ok("drain"),
            true => Check::failed("drain", "the gateway is shutting down and takes no new connections"),
        };
        let discovery = match self.control.awaited_services() {
            None => Check::ok("discovery"),
            Some(problem) => Check::failed("discovery", problem),
        };
        // Whoever has lost the others, or the store that they share, serves on; who looks at it learns that it may be old.
        let revisions = match self.control.revision_trouble() {
            None => Check::ok("revisions"),
            Some(trouble) => {
                let live = self.control.live_revision();
                Check::noted("revisions", format!("revision {live} is served, the last good one: {trouble}"))
            }
        };
        [Check::ok("listeners"), Check::ok("configuration"), revisions, discovery, drain].into_iter().collect()
    }

    fn metrics(&self, format: Format) -> String {
        self.control.render_metrics(format)
    }

    fn explain(&self, question: &Question) -> Result<Explanation, QuestionError> {
        snapshot::explain(&self.control.snapshot(), question)
    }

    fn health(&self) -> Vec<EndpointHealthTold> {
        self.control.health()
    }

    fn breakers(&self) -> Vec<BreakerTold> {
        self.control.snapshot().breakers().tell(Instant::now(), SystemTime::now())
    }

    fn order_breakers(&self, order: &BreakerOrder) -> Result<Vec<BreakerTold>, OrderError> {
        self.control.snapshot().breakers().order(order, Instant::now(), SystemTime::now())
    }

    fn log_level(&self) -> LogLevelTold {
        self.levels.tell()
    }

    fn order_log_level(&self, order: &LogLevelOrder) -> LogLevelTold {
        if let Some(lasts) = self.levels.order(order, Instant::now(), SystemTime::now()) {
            let levels = self.levels.clone();
            drop(tokio::spawn(async move {
                tokio::time::sleep(lasts).await;
                levels.expire(Instant::now());
            }));
        }
        self.levels.tell()
    }

    fn generation(&self) -> u64 {
        self.control.snapshot().generation
    }

    fn records(&self) -> bool {
        self.control.records()
    }

    fn requests(&self, filter: &Filter, limit: usize) -> Later<Vec<Flight>> {
        Box::pin(self.control.requests(filter, limit))
    }

    fn callers(&self, by: Caller, most: usize) -> Later<Callers> {
        let control = self.control.clone();
        Box::pin(async move { control.callers(by, most).await })
    }

    fn tap(&self, filter: Filter, per_second: u32) -> Option<Tap> {
        let tapped = self.control.records().then(|| self.control.tap(filter, per_second))?;
        Some(Tap { records: tapped.records, dropped: tapped.dropped })
    }

    fn services(&self) -> Vec<ServiceTold> {
        self.control.services()
    }

    fn order_service(&self, order: &ServiceOrder) -> Result<ServiceTold, ServiceOrderError> {
        self.control.order_service(order)
    }

    fn keys_used(&self, consumer: &str) -> Vec<KeyUsed> {
        self.control.snapshot().consumers.used(consumer)
    }

    fn endpoints(&self, upstream: &str) -> Option<Vec<LiveEndpointTold>> {
        self.control.endpoints(upstream)
    }

    fn order_endpoint(
        &self,
        upstream: &str,
        address: &str,
        order: &EndpointOrder,
    ) -> Result<LiveEndpointTold, EndpointOrderError> {
        self.control.order_endpoint(upstream, address, order)
    }

    fn series(&self, subject: Subject, name: &str, resolution: Resolution) -> Option<Vec<Point>> {
        self.control.history().points(subject, name, resolution)
    }

    fn busiest(&self, subject: Subject, most: usize) -> Vec<Busy> {
        let second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        self.control.history().busiest(subject, second, most)
    }

    fn objects(&self, list: List) -> Vec<ObjectTold> {
        self.control.objects(list)
    }

    fn object(&self, list: List, name: &str) -> Option<ObjectTold> {
        self.control.object(list, name)
    }

    fn consumer(&self, name: &str) -> Option<ObjectTold> {
        self.control.consumer(name)
    }

    fn document(&self, only_ours: bool) -> Map<String, Value> {
        self.control.document(only_ours)
    }

    fn change(&self, order: ChangeOrder) -> Result<ChangeTold, ChangeError> {
        let control = self.control.clone();
        // Whoever asked for it has the panic, as if it had made the change itself.
        self.changes.make(move || control.change(order)).unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn revisions(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String> {
        self.control.revisions(before, most)
    }

    fn revision(&self, number: u64) -> Result<Arc<Revision>, ChangeError> {
        self.control.revision(number)
    }

    fn compare(&self, old: u64, new: u64) -> Result<Diff, ChangeError> {
        self.control.compare(old, new)
    }

    fn nodes(&self) -> Vec<NodeTold> {
        self.nodes.told(&self.control)
    }

    fn certificates(&self) -> Vec<CertificateTold> {
        snapshot::certificates(&self.control.snapshot(), SystemTime::now())
    }

    fn schema(&self) -> Value {
        self.control.kinds().schema()
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn operators(&self) -> Arc<Operators> {
        self.control.snapshot().operators.clone()
    }

    fn audit(&self, entry: AuditEntry) {
        self.audit.keep(entry);
    }

    fn audited(&self, before: Option<u64>, most: usize) -> Result<Vec<AuditEntry>, String> {
        self.audit.read(before, most)
    }

    fn denied(&self, why: Denied) {
        self.audit.denied(why);
    }

    fn admin_names(&self) -> Arc<[Arc<str>]> {
        self.control.snapshot().settings.admin_names.clone()
    }
}

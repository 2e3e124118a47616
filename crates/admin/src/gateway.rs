//! What the admin address needs to know.

use std::{
    borrow::Cow,
    fmt,
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, atomic::AtomicU64},
    time::SystemTime,
};

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
    flight::{Caller, Callers, Filter, Flight, Slot},
    history::{Busy, Point, Resolution, Subject},
};
use tokio::sync::mpsc;

use crate::{AuditEntry, Denied, LogLevelOrder, LogLevelTold};

/// What takes a moment to find out, on threads that serve requests.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The gateway, seen from its admin address. Asked from the threads of the control plane.
pub trait Gateway: Send + Sync + 'static {
    /// Whether traffic should be sent here. Cheap: probes ask every second.
    fn readiness(&self) -> Readiness;

    /// All metrics. May take tens of milliseconds; asked on a thread that may block, by one scraper at a time.
    fn metrics(&self, format: Format) -> String;

    /// What becomes of a request. May take as long; asked on a thread that may block, by one operator at a time.
    ///
    /// # Errors
    /// The question makes no sense for this gateway.
    fn explain(&self, question: &Question) -> Result<Explanation, QuestionError>;

    /// How the endpoints are whose health is looked after.
    fn health(&self) -> Vec<EndpointHealthTold>;

    /// What every circuit breaker does. Cheap.
    fn breakers(&self) -> Vec<BreakerTold>;

    /// Gives circuit breakers an order, and tells what those do then that it means.
    ///
    /// # Errors
    /// It means none.
    fn order_breakers(&self, order: &BreakerOrder) -> Result<Vec<BreakerTold>, OrderError>;

    /// How much the program says about itself. Cheap.
    fn log_level(&self) -> LogLevelTold;

    /// Has more or less said, and tells what holds then. Asked within a runtime of tokio.
    fn order_log_level(&self, order: &LogLevelOrder) -> LogLevelTold;

    /// The number of the document that is live.
    fn generation(&self) -> u64 {
        0
    }

    /// Whether requests are recorded.
    fn records(&self) -> bool {
        false
    }

    /// The newest requests that pass, up to `limit`, the newest first.
    fn requests(&self, filter: &Filter, limit: usize) -> Later<Vec<Flight>> {
        _ = (filter, limit);
        Box::pin(ready(Vec::new()))
    }

    /// Who was behind the last requests, the busiest first. Nobody, if requests are not recorded.
    fn callers(&self, by: Caller, most: usize) -> Later<Callers> {
        _ = by;
        let now = SystemTime::now();
        Box::pin(ready(Callers::of(&[], now, now, most)))
    }

    /// Has requests that pass told as they end, up to so many a second. `None` if requests are not recorded.
    fn tap(&self, filter: Filter, per_second: u32) -> Option<Tap> {
        _ = (filter, per_second);
        None
    }
    /// The services that endpoints are found by in registries. Cheap.
    fn services(&self) -> Vec<ServiceTold>;

    /// Gives an order about a service, and tells how that is then. Waits for a disk; asked on a thread that may block.
    ///
    /// # Errors
    /// It makes no sense, or cannot be kept.
    fn order_service(&self, order: &ServiceOrder) -> Result<ServiceTold, ServiceOrderError>;

    /// The endpoints of an upstream; `None`: there is no such upstream. Cheap.
    fn endpoints(&self, upstream: &str) -> Option<Vec<LiveEndpointTold>> {
        _ = upstream;
        None
    }

    /// Gives an order about an endpoint, and tells how it is then. Waits for a disk; asked on a thread that may block.
    ///
    /// # Errors
    /// It makes no sense, or cannot be kept.
    fn order_endpoint(
        &self,
        upstream: &str,
        address: &str,
        order: &EndpointOrder,
    ) -> Result<LiveEndpointTold, EndpointOrderError> {
        _ = (address, order);
        Err(EndpointOrderError::NoUpstream { name: upstream.to_owned(), nearest: None })
    }

    /// What happened to a thing lately, the oldest first; `None` if it had no requests in the last hour. Cheap.
    fn series(&self, subject: Subject, name: &str, resolution: Resolution) -> Option<Vec<Point>>;

    /// The things with the most requests in the last minute, the busiest first. Cheap.
    fn busiest(&self, subject: Subject, most: usize) -> Vec<Busy>;

    /// The objects of a list of the document that is live, in their order. Asked on a thread that may block.
    fn objects(&self, list: List) -> Vec<ObjectTold> {
        _ = list;
        Vec::new()
    }

    /// One of them. Asked on a thread that may block.
    fn object(&self, list: List, name: &str) -> Option<ObjectTold> {
        self.objects(list).into_iter().find(|object| object.name == name)
    }

    /// A consumer with the hashes of its keys, which are not to be shown: what keys are called by is made of them. Asked on a
    /// thread that may block.
    fn consumer(&self, name: &str) -> Option<ObjectTold> {
        self.object(List::Consumers, name)
    }

    /// The document that is live, with what its owners wrote; or only what the API keeps of it. Asked on a thread that may
    /// block.
    fn document(&self, only_ours: bool) -> Map<String, Value> {
        _ = only_ours;
        Map::new()
    }

    /// Makes edits, all or none, and puts in force what comes of them. Asked on a thread that may block.
    ///
    /// # Errors
    /// Nothing was changed: why.
    fn change(&self, order: ChangeOrder) -> Result<ChangeTold, ChangeError> {
        _ = order;
        Err(ChangeError::ReadOnly("nothing can be changed here".to_owned()))
    }

    /// When each credential of a consumer was last used. Cheap.
    fn keys_used(&self, consumer: &str) -> Vec<KeyUsed> {
        _ = consumer;
        Vec::new()
    }

    /// The newest revisions first: at most so many, older than `before` if one is given. Asked on a thread that may block.
    ///
    /// # Errors
    /// They cannot be read: why.
    fn revisions(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String> {
        _ = (before, most);
        Ok(Vec::new())
    }

    /// A revision with the document that it kept. Asked on a thread that may block.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    fn revision(&self, number: u64) -> Result<Arc<Revision>, ChangeError> {
        Err(ChangeError::NoRevision(number))
    }

    /// What a revision says otherwise than another. Asked on a thread that may block.
    ///
    /// # Errors
    /// One of them is gone, or is no good any more.
    fn compare(&self, old: u64, new: u64) -> Result<Diff, ChangeError> {
        _ = new;
        Err(ChangeError::NoRevision(old))
    }

    /// The gateways that share the document, this one among them. Asked on a thread that may block.
    fn nodes(&self) -> Vec<NodeTold> {
        Vec::new()
    }

    /// The certificates that it shows. Asked on a thread that may block.
    fn certificates(&self) -> Vec<CertificateTold> {
        Vec::new()
    }

    /// The JSON Schema of documents, with the kinds that this program knows. Asked on a thread that may block, once.
    fn schema(&self) -> Value {
        model::schema(&[], &[])
    }

    /// What shows that somebody may ask anything under `/api`.
    fn token(&self) -> &Token;

    /// Who else may ask there, and what. Cheap.
    fn operators(&self) -> Arc<Operators> {
        Arc::default()
    }

    /// Keeps what somebody did, or tried. Cheap: called from threads that serve requests.
    fn audit(&self, entry: AuditEntry) {
        _ = entry;
    }

    /// What was kept, the newest first: at most so many, older than the one with the number `before` if one is given. Asked
    /// on a thread that may block.
    ///
    /// # Errors
    /// It cannot be read: why.
    fn audited(&self, before: Option<u64>, most: usize) -> Result<Vec<AuditEntry>, String> {
        _ = (before, most);
        Ok(Vec::new())
    }

    /// Counts that somebody was refused.
    fn denied(&self, why: Denied) {
        _ = why;
    }

    /// Names under which the admin address may be asked, beside `localhost` and addresses.
    ///
    /// A browser that was lured to a name of an attacker that resolves to this address says that name in `Host`; so
    /// names that nobody configured are refused. Cheap.
    fn admin_names(&self) -> Arc<[Arc<str>]> {
        Arc::default()
    }
}

/// Requests as they end, until it is dropped.
#[derive(Debug)]
pub struct Tap {
    pub records: mpsc::Receiver<Slot>,
    /// Those that were wanted, but too many.
    pub dropped: Arc<AtomicU64>,
}

/// Whether a gateway is ready, and why not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    pub checks: Vec<Check>,
}

/// One of the things that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is looked at: `listeners`, `configuration`, `revisions`, `discovery`, `drain`.
    pub name: &'static str,
    pub outcome: Outcome,
}

/// Whether something holds. Words are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Holds,
    /// It does, but not as it should: traffic may come all the same, and somebody should know.
    HoldsBut(Cow<'static, str>),
    /// Why not.
    Fails(Cow<'static, str>),
}

// === impl Readiness ===

impl Readiness {
    pub fn is_ready(&self) -> bool {
        !self.checks.iter().any(|check| matches!(check.outcome, Outcome::Fails(_)))
    }

    /// Whether there is nothing to be told but that it is.
    pub fn is_well(&self) -> bool {
        self.checks.iter().all(|check| check.outcome == Outcome::Holds)
    }
}

impl FromIterator<Check> for Readiness {
    fn from_iter<I: IntoIterator<Item = Check>>(checks: I) -> Self {
        Self { checks: checks.into_iter().collect() }
    }
}

/// A line per check, then the verdict, as people know it from Kubernetes.
impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Check { name, outcome } in &self.checks {
            match outcome {
                Outcome::Holds => writeln!(f, "[+] {name}: ok")?,
                Outcome::HoldsBut(note) => writeln!(f, "[+] {name}: {note}")?,
                Outcome::Fails(why) => writeln!(f, "[-] {name}: {why}")?,
            }
        }
        writeln!(f, "{}", if self.is_ready() { "ready" } else { "not ready" })
    }
}

// === impl Check ===

impl Check {
    pub const fn ok(name: &'static str) -> Self {
        Self { name, outcome: Outcome::Holds }
    }

    pub fn noted(name: &'static str, note: impl Into<Cow<'static, str>>) -> Self {
        Self { name, outcome: Outcome::HoldsBut(note.into()) }
    }

    pub fn failed(name: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Self { name, outcome: Outcome::Fails(why.into()) }
    }
}

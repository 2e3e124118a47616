//! The model: what is left of a document once it has been checked.
//!
//! Every reference is resolved to an index, every pattern is known to be well formed, every default is filled in.
//! Whoever holds a [`Model`] need not ask again whether it makes sense; `snapshot` compiles it, nobody else reads it.

mod access_log;
mod action;
mod balance;
mod breaker;
mod capture_type;
mod discovery;
mod failover;
mod failures;
mod fallback;
mod gateway;
mod health;
mod listener;
mod matching;
mod mirror;
mod placed;
mod retry;
mod route;
mod split;
mod time;
mod test;
mod tracing;
mod upstream;
mod versions;

use std::sync::Arc;

pub use access_log::{AccessLog, Batch, HttpLog, LogFormat, LogItem, LogPart, LogShape, LogSink, Rotate, Syslog};
pub use action::{
    Action, Destination, Location, LocationParts, NamedUpstream, NewHost, NewPath, QueryEdits, Redirect, Respond,
    Rewrite, Template, TemplatePart,
};
pub use balance::{Among, Balance, ConsistentHash, Custom, HashAlgorithm, HashKey, PeakEwma, Registered, StickyCookie};
pub use breaker::{Breaker, BreakerScope, Slow};
pub use capture_type::CaptureType;
pub use discovery::{
    Consul, ConsulService, Discovery, Dns, DnsService, Etcd, EtcdFormat, EtcdService, Eureka, EurekaService,
    Registration, Registries, Registry, Service,
};
pub use failover::Failover;
pub use failures::Failures;
pub use fallback::{Fallback, FallbackTo};
pub use gateway::{Debugging, FlightRecorder, Forwarded, Gateway, Home};
pub use health::{ActiveHealth, Check, FailureRatio, GrpcCheck, Health, HttpCheck, PassiveHealth};
pub use listener::{Address, CertificateFiles, ClientAuth, Http2Limits, Limits, Listener, ListenerTls};
pub use matching::{FieldMatch, HeaderMatch, HostPattern, Match, PathPattern, Segment, ValueMatch};
pub use mirror::Mirror;
pub use placed::Placed;
pub use retry::{Backoff, Budget, RetryRules};
pub use route::Route;
pub use split::{Cohort, Field, Side, Split, StickyKey};
pub use test::{Expectation, Expected, Test, TestRequest};
pub(crate) use time::MINUTES_OF_DAY;
pub use time::{Day, Days, TimeMatch, Weekly};
pub use tracing::{Otlp, OtlpProtocol, Propagation, Sample, Tracing, Whose};
pub use upstream::{
    Bulkhead, Endpoint, EndpointAddress, Host, Pool, Protocol, Selector, Timeouts, Upstream, UpstreamTls,
};
pub use versions::{ApiVersion, VersionSource, Versions};

use crate::{Node, Place};

/// A checked document.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub gateway: Gateway,
    pub listeners: Vec<Listener>,
    pub upstreams: Vec<Upstream>,
    /// In document order; the last tie-breaker of precedence.
    pub routes: Vec<Placed<Route>>,
    pub tests: Vec<Test>,
}

/// Index of a listener in [`Model::listeners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub u32);

/// Index of an upstream in [`Model::upstreams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub u32);

/// Index of a subset in [`Upstream::subsets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubsetId(pub u32);

/// A policy as written: which kind, and settings that only the kind understands.
#[derive(Debug, Clone)]
pub struct Policy {
    pub kind: Arc<str>,
    pub place: Place,
    pub settings: Node,
}

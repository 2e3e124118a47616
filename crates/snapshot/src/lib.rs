//! A model compiled to one immutable gateway: all that the document decides is decided here, once.

/// What must hold of every request, whatever the routes say.
pub mod admission;

/// What a route does, ready to be done.
mod action;
/// The policies of the gateway, its listeners and its upstreams.
mod around;
/// What operators change at run time.
mod change;
/// Circuit breakers: those of routes, and all of them for people.
mod breakers;
/// Who calls, where a route depends on it.
mod callers;
/// The certificates that the gateway shows.
mod certificates;
/// Model and kinds to snapshot, with all that stands in the way.
mod compile;
/// Routes that are in each other's way, in words.
mod conflicts;
/// What one document says otherwise than another.
mod diff;
/// The endpoints of an upstream as they are now.
mod endpoints;
/// Whether requests go where the document expects them to go.
mod expectations;
/// Why a request goes where it goes.
mod explain;
/// Who answers instead of an upstream that failed.
mod fallback;
/// How the endpoints are, in words.
mod health;
/// Keys of consumers, as operators make and take them.
mod keys;
/// The kinds that a program knows.
mod kinds;
/// Who else gets the requests of a route, as copies.
mod mirror;
/// The gateways that share a document.
mod nodes;
/// Who may ask at the admin address, and what.
mod operators;
/// Policies, made or adopted.
mod policies;
/// Documents as people are shown them.
mod redact;
/// A target made anew.
mod rewrite;
/// Routes, compiled or adopted.
mod routes;
/// What was found in registries, in words.
mod services;
/// Several destinations of one route, and which of them an exchange goes to.
mod sides;
/// The gateway as a request meets it.
mod snapshot;
/// The certificates of a listener.
mod tls;

// What documents and snapshots share, so that the path of a request need not know documents.
pub use model::{Address, Failures, Host, Http2Limits, Limits, ListenerId, PeakEwma, RetryRules};
pub use policy::KeyUsed;

pub use action::{
    Action, Location, LocationParts, NamedUpstream, NewHost, NewPath, QueryEdits, Redirect, Respond, Rewrite,
    Substitution, Target, To,
};
pub use breakers::{BreakerOrder, BreakerTold, Breakers, Order, OrderError, RouteGuard};
pub use certificates::{CertificateTold, UsedBy, certificates};
pub use change::{ChangeError, ChangeOrder, ChangeTold, Expected, Finding, ObjectTold, Owner};
pub use compile::{check_balancers, check_policies, compile};
pub use diff::{Becomes, Change, Diff, Edition, Item, Moved, What, diff};
pub use endpoints::{EndpointOrder, EndpointOrderError, LiveEndpointTold, endpoints};
pub use explain::{
    CandidateTold, Compared, Comparison, Decided, Decision, Elsewhere, EndpointTold, Explanation, FallbackTold,
    Forwarding, MirrorTold, Outcome, PolicyTold, Question, QuestionError, RequestTold, Row, Sent, Share, SideTold,
    Taken, TimeoutsTold, explain,
};
pub use fallback::{Fallback, FallbackTo};
pub use health::{EndpointHealthTold, ProbeTold, health};
pub use keys::{KeyOrder, KeyTold, NewKey, NoSuchKey};
pub use kinds::Kinds;
pub use mirror::Mirror;
pub use nodes::{DependencyTold, NodeTold};
pub use operators::{Operator, Operators, Role, Shown};
pub use redact::{REDACTED, find_redacted, redact, restore};
pub use services::{FailureTold, HeldTold, InstanceTold, OverrideTold, ServiceOrder, ServiceOrderError, ServiceTold};
pub use sides::{Asking, Choice, Destination, Reason, Side, Sides, Weights};
pub use snapshot::{Chains, Debugging, Listener, Places, Route, Settings, Snapshot};

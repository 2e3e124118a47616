//! Which endpoints do their work.
//!
//! ```text
//! probes (control plane) ───▶ ┐                   ┌▶ one byte per endpoint, which every choice of an endpoint reads
//!                             ├─▶ [`Machine`] ───▶┤
//! requests (workers) ─▶ [`Passive`] ─▶ too many ─▶ ┘ └▶ log, metrics, whoever waits
//! ```
//!
//! What is decided is decided by a state machine without a clock, without chance and without a task: whoever asks it brings
//! them along. Workers meet it only when an endpoint has failed too often, so a mutex will do; what each request touches are
//! the counters of [`Passive`], and those only if the document asks for them.

/// The health of one endpoint, shared by all who ask it or probe it.
mod endpoint;
/// What becomes of an endpoint, as a state machine.
mod machine;
/// What requests tell.
mod passive;
/// What the endpoints of one upstream have in common.
mod upstream;

pub use endpoint::{EndpointHealth, Probe, ProbeOutcome, Status};
pub use machine::{Change, Machine, Reason, State};
pub use passive::{Passive, Verdict};
pub use upstream::{Counts, UpstreamHealth, may_eject};

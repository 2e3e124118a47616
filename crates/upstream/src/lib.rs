//! Where a route sends: which endpoint, over which connection?

/// The atomics that are shared between workers.
mod atomic;
/// Which endpoint gets the next request.
pub mod balance;
/// Keeps requests from what fails them anyway.
pub mod breaker;
/// So many requests at a time, and a queue for a few more.
mod bulkhead;
/// A way to an endpoint: socket, TLS, HTTP handshake.
mod connect;
/// What registries tell of services, and the contract with those who ask them.
pub mod discovery;
/// One address of an upstream.
mod endpoint;
/// A breaker at its place in a gateway.
mod guard;
/// Which endpoints do their work.
pub mod health;
/// HTTP/1.1 towards endpoints.
mod http1;
/// What the workers together know of an endpoint.
mod learned;
/// The connections of one worker to one endpoint.
mod pool;
/// Counts of the last seconds.
mod recent;
/// How many retries an upstream may be asked for.
mod retry_budget;
/// Secrets from where the document says they are.
mod secret;
/// The endpoints of an upstream with the balancer built for them; swapped whole.
mod set;
/// Who is asked first, and who helps out.
mod tiers;
/// A name, its rules, and its current set.
mod upstream;

pub use bulkhead::{Bulkhead, Full, Place, Turn};
pub use connect::{Connector, TlsError};
pub use endpoint::Endpoint;
pub use fetch::secret::SecretError;
pub use guard::{Guard, Guarded, Transition};
pub use http1::{Answer, Head, Interim, Sending, Switched};
pub use learned::Learned;
pub use pool::{Connections, Exclusive, Lease, Pool, SendError, Stream};
pub use retry_budget::RetryBudget;
pub use set::EndpointSet;
pub use tiers::Picked;
pub use upstream::{Rules, RulesError, Upstream};

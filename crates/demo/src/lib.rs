//! Small services to try the gateway on: what `sluice demo` puts behind it, and what tests use as origins.
//!
//! Each service binds a free port of the loopback interface, speaks HTTP/1.1 and HTTP/2 by prior knowledge on it,
//! and lives as long as its handle.

mod scope;

mod reply;
mod service;

mod echo;
mod events;
mod flaky;
pub mod grpc;
mod orders;
mod slow;
mod users;

pub use echo::echo;
pub use events::events;
pub use flaky::flaky;
pub use grpc::grpc;
pub use orders::orders;
pub use scope::{Scope, ScopeOwner};
pub use service::{Service, Services, start_all};
pub use slow::slow;
pub use users::users;

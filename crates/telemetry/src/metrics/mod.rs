//! What is counted, and how a scrape shows it: each file holds both sides of its families.

mod endpoint;
mod gateway;
mod mirror;
pub(crate) mod process;
mod route;
mod side;
mod upstream;

use http::StatusCode;

pub(crate) use mirror::expose as expose_mirrors;
pub(crate) use route::expose as expose_routes;
pub(crate) use side::expose as expose_sides;
pub(crate) use upstream::expose as expose_upstreams;

pub use endpoint::EndpointMetrics;
pub use gateway::GatewayMetrics;
pub use mirror::MirrorMetrics;
pub use route::RouteMetrics;
pub use side::SideMetrics;
pub use upstream::UpstreamMetrics;

/// Values of the label `code_class`, by the first digit; `none` where the client got no response.
const CODE_CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Index in [`CODE_CLASSES`]. A status above 599 counts as the server's error (RFC 9110, 15).
fn code_class(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).min(5)
}

/// Whether answers of this class are failures of ours, or of those behind us.
fn is_failure(class: usize) -> bool {
    class == 5
}

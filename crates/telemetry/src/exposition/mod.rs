//! The counters as text, for whoever scrapes them.
//!
//! Everything here runs on the control plane, when it is asked: the path of a request knows nothing of it.

mod format;
mod samples;
mod series;

pub use format::Format;
pub use samples::{Exposition, Samples};

pub(crate) use series::Series;

use crate::{
    GatewayMetrics, MirrorMetrics, RouteMetrics, SideMetrics, UpstreamMetrics,
    metrics::{self, process::Process},
    names,
};

/// For what every gateway has, and for each route; others have less. A text of megabytes that has to grow is copied again and
/// again, while memory that is not written to costs nothing.
const ROOM: usize = 64 << 10;
const ROOM_EACH: usize = 2_500;

/// Whatever has metrics to show.
pub trait Expose {
    /// Adds whole families: a family must not be spread over several calls.
    fn expose(&self, out: &mut Exposition);
}

/// All metrics of a gateway: its own, those of its routes and upstreams by name, of the sides of routes by route and side, of
/// mirrors by route and upstream, and `others` that have some.
///
/// What nobody used yet has no series.
pub fn render<'m>(
    format: Format,
    gateway: &'m GatewayMetrics,
    routes: impl Iterator<Item = (&'m str, &'m RouteMetrics)>,
    sides: impl Iterator<Item = ([&'m str; 2], &'m SideMetrics)>,
    upstreams: impl Iterator<Item = (&'m str, &'m UpstreamMetrics)>,
    mirrors: impl Iterator<Item = ([&'m str; 2], &'m MirrorMetrics)>,
    others: &[&dyn Expose],
) -> String {
    let routes = routes.chain([(names::NO_ROUTE, gateway.unrouted())]).map(|(name, route)| ([name], &route.0));
    let sides = sides.map(|(name, side)| (name, &side.0));
    let upstreams = upstreams.map(|(name, upstream)| ([name], &upstream.0));
    let mirrors = mirrors.map(|(name, mirror)| (name, &mirror.0));

    let (routes, sides) = (Series::admit(routes), Series::admit(sides));
    let (upstreams, mirrors) = (Series::admit(upstreams), Series::admit(mirrors));
    let names = routes.names() + sides.names() + upstreams.names() + mirrors.names();

    let mut out = Exposition::with_room(format, ROOM + names * ROOM_EACH);
    gateway.expose(&mut out);
    metrics::expose_routes(&routes, &mut out);
    metrics::expose_sides(&sides, &mut out);
    metrics::expose_upstreams(&upstreams, &mut out);
    metrics::expose_mirrors(&mirrors, &mut out);
    others.iter().for_each(|other| other.expose(&mut out));
    Process.expose(&mut out);
    out.finish()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn text(metrics: &dyn Expose) -> String {
        let mut out = Exposition::new(Format::Text);
        metrics.expose(&mut out);
        out.finish()
    }
}

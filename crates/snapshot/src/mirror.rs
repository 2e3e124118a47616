//! Who else gets the requests of a route, as copies.

use std::{collections::HashMap, fmt::Write, sync::Arc};

use http::HeaderValue;
use telemetry::MirrorMetrics;

use crate::{Destination, Snapshot};

pub struct Mirror {
    pub to: Destination,
    /// The part of the requests that is copied; above 0, at most 1.
    pub share: f64,
    /// Requests with a longer body are not copied; in bytes.
    pub body: u64,
    /// Copies under way at a time, per worker.
    pub in_flight: u64,
    /// What a copy says of itself: the name of the route, percent-encoded where it is not ASCII.
    pub mark: HeaderValue,
    pub metrics: Arc<MirrorMetrics>,
}

/// The counters of earlier mirrors, by the names of route and upstream.
pub(crate) struct Known<'a> {
    metrics: HashMap<[&'a str; 2], &'a Arc<MirrorMetrics>>,
    workers: usize,
}

// === impl Known ===

impl<'a> Known<'a> {
    pub(crate) fn of(previous: Option<&'a Snapshot>, workers: usize) -> Self {
        let mirrors = previous.into_iter().flat_map(Snapshot::mirrors);
        Self { metrics: mirrors.map(|(names, mirror)| (names, &mirror.metrics)).collect(), workers }
    }

    /// The mirrors of a route; `None` if there are none, so that a request finds out by one look.
    pub(crate) fn compile(&self, route: &model::Route, upstreams: &[model::Upstream]) -> Option<Box<[Arc<Mirror>]>> {
        let compile = |mirror: &model::Mirror| {
            let to = Destination::from(mirror.to);
            let metrics = match self.metrics.get(&[&*route.name, &*upstreams[to.upstream].name]) {
                Some(metrics) => Arc::clone(metrics),
                None => Arc::new(MirrorMetrics::new(self.workers)),
            };
            Arc::new(Mirror {
                to,
                share: mirror.share,
                body: mirror.body.into(),
                in_flight: mirror.in_flight.into(),
                mark: mark(&route.name),
                metrics,
            })
        };
        if route.mirrors.is_empty() { None } else { Some(route.mirrors.iter().map(compile).collect()) }
    }
}

fn mark(route: &str) -> HeaderValue {
    let mut mark = String::with_capacity(route.len());
    for byte in route.bytes() {
        // Writing to a string cannot fail.
        _ = match byte {
            b'!'..=b'~' if byte != b'%' => write!(mark, "{}", char::from(byte)),
            _ => write!(mark, "%{byte:02X}"),
        };
    }
    HeaderValue::try_from(mark).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_ascii() {
        assert_eq!(mark("shop/v2"), "shop/v2");
        assert_eq!(mark("50%-é"), "50%25-%C3%A9");
    }
}

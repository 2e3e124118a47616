//! An exchange told as a trace, once it is over.

use std::time::{Duration, SystemTime};

use message::Trace;
use telemetry::{Names, Protocol, Timing, Told};

use super::Ending;

impl Ending {
    /// Has the exchange told of, if it is to be. What its spans say is copied then and not before.
    pub(super) fn tell_trace(&self, trace: Trace, timing: &Timing, protocol: Protocol) {
        let Some(rules) = &self.world.snapshot.settings.tracing else { return };
        // A tunnel lasts as long as both sides like.
        let took = if self.is_websocket { Duration::ZERO } else { timing.total };
        if rules.tells(&trace, &self.exchange.record, took) {
            let worker = &self.connection.worker;
            worker.with_traces(|traces| traces.tell(self.told(trace, timing, protocol)));
        }
    }

    #[cold]
    fn told(&self, trace: Trace, timing: &Timing, protocol: Protocol) -> Told {
        let snapshot = &self.world.snapshot;
        let record = &self.exchange.record;
        let route = record.route.map(|route| &snapshot.routes[route as usize]);
        if let Some(route) = route {
            route.metrics.exemplify(self.connection.worker.index, timing, trace.id, SystemTime::now());
        }
        let names = Names {
            route: route.map(|route| &route.name),
            pattern: route.and_then(|route| route.pattern()),
            side: snapshot.side(record).map(|side| &side.name),
            upstream: &|index| snapshot.upstreams[index as usize].name.clone(),
        };
        Told::of(&self.exchange, trace, names, timing, protocol)
    }
}

//! An exchange told to logs, to the flight recorder and as a trace, once it is over.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use message::{Attempt, Exchange, Record, Trace};
use policy::Chain;
use telemetry::{Line, Protocol, Timing, Traced, flight::Departed};

use super::Ending;
use crate::connection::{Connection, Refused};

/// Counts and logs a request that never became an exchange: nothing of it is known but who sent it.
#[cold]
pub(crate) fn tell_refused(connection: &Connection, refused: &Refused) {
    let Refused { cause, id } = refused;
    let worker = &connection.worker;
    worker.note_cause(*cause);
    let mut record = Record::new(Instant::now());
    (record.status, record.cause) = (Some(cause.status()), Some(*cause));
    let timing = Timing { total: Duration::ZERO, overhead: None };
    let (client, headers) = (connection.peer.address.ip().to_canonical(), HeaderMap::new());
    let line = Line {
        time: worker.time_of(record.started),
        scheme: connection.peer.scheme(),
        sni: connection.peer.sni(),
        request_id: Some(id.as_bytes()),
        ..Line::unknown(&record, &timing, client, &headers)
    };
    worker.with_log(|log| {
        if log.wants(&record) {
            log.write(&line);
        }
    });
    worker.flights.record(&Departed {
        line: &line,
        generation: worker.world().snapshot.generation,
        upstream_of: &|_| "",
        policies: &|_: &mut dyn FnMut(&str)| {},
    });
}

// === impl Ending ===

impl Ending {
    /// Tells those who want to know. Nothing is made if nobody does.
    pub(super) fn tell(&self, timing: &Timing, protocol: Protocol, chain: Option<&Chain>) {
        let worker = &self.connection.worker;
        let is_recorded = worker.flights.is_on();
        let is_logged = worker.log_wants(&self.exchange.record);
        let trace = self.exchange.trace.filter(|trace| self.is_traced(trace, timing));
        if !is_recorded && !is_logged && trace.is_none() {
            return;
        }
        let line = self.line(timing, protocol);
        if let Some(trace) = trace {
            self.tell_trace(trace, &line);
        }
        if is_logged {
            worker.with_log(|log| log.write(&line));
        }
        if !is_recorded {
            return;
        }
        let snapshot = &self.world.snapshot;
        let ran = chain.map_or(&[][..], |chain| &chain.links()[..self.ran]);
        worker.flights.record(&Departed {
            line: &line,
            generation: snapshot.generation,
            upstream_of: &|attempt| self.upstream_of(attempt),
            policies: &|tell: &mut dyn FnMut(&str)| ran.iter().for_each(|link| tell(link.kind)),
        });
    }

    /// Chosen at its begin, or for how it went.
    fn is_traced(&self, trace: &Trace, timing: &Timing) -> bool {
        // A tunnel lasts as long as both sides like.
        let took = if self.is_websocket { Duration::ZERO } else { timing.total };
        let rules = self.world.snapshot.settings.tracing.as_ref();
        rules.is_some_and(|rules| rules.tells(trace, &self.exchange.record, took))
    }

    /// Few are.
    #[cold]
    fn tell_trace(&self, trace: Trace, line: &Line<'_>) {
        let worker = &self.connection.worker;
        let route = line.record.route.map(|route| &self.world.snapshot.routes[route as usize]);
        if let Some(route) = route {
            route.metrics.exemplify(worker.index, line.timing, trace.id, line.time + line.timing.total);
        }
        let pattern = route.and_then(|route| route.pattern());
        let upstream_of = |attempt: &Attempt| self.upstream_of(attempt);
        worker.with_traces(|traces| traces.tell(&Traced { line, trace, pattern, upstream_of: &upstream_of }));
    }

    fn upstream_of(&self, attempt: &Attempt) -> &str {
        &self.world.snapshot.upstreams[attempt.upstream as usize].name
    }

    /// The exchange as the log tells it.
    fn line<'a>(&'a self, timing: &'a Timing, protocol: Protocol) -> Line<'a> {
        let Exchange { head, record, peer, client_ip, consumer, .. } = &self.exchange;
        let snapshot = &self.world.snapshot;
        let last = record.attempts.last();
        let listener = self.connection.listener(&self.world).map(|listener| snapshot.listener(listener));
        Line {
            time: self.connection.worker.time_of(record.started),
            record,
            timing,
            protocol,
            client: *client_ip,
            peer: peer.address.ip(),
            method: self.exchange.asked_method().as_str(),
            scheme: peer.scheme(),
            host: self.exchange.asked_authority().as_bytes(),
            path: self.exchange.asked_uri().path(),
            query: self.exchange.asked_uri().query(),
            listener: listener.map(|listener| &*listener.name),
            route: record.route.map(|route| &*snapshot.routes[route as usize].name),
            side: snapshot.side(record).map(|side| &*side.name),
            upstream: last.map(|attempt| self.upstream_of(attempt)),
            endpoint: last.map(|attempt| &*attempt.endpoint),
            request_id: self.exchange.known_request_id().map(HeaderValue::as_bytes),
            trace_id: self.exchange.trace.map(|trace| trace.id),
            consumer: consumer.as_ref().map(|consumer| &*consumer.name),
            sni: peer.sni(),
            request_headers: &head.headers,
            response_headers: self.noted.as_deref(),
        }
    }
}

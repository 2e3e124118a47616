//! The end of an exchange: told once to metrics, log and policies.

use std::{
    rc::Rc,
    time::{Instant, SystemTime},
};

use http::{HeaderValue, StatusCode, Version, header::USER_AGENT};
use message::{Cause, Exchange};
use telemetry::{Line, Protocol, Timing, WorkerLog};

use crate::{connection::Connection, reply, worker::World};

/// An exchange together with what its end will touch.
pub(crate) struct Ending {
    pub(crate) exchange: Exchange,
    pub(crate) connection: Rc<Connection>,
    pub(crate) world: Rc<World>,
    /// How many policies of the chain saw the request.
    pub(crate) ran: usize,
    pub(crate) responded: Option<Instant>,
    pub(crate) is_websocket: bool,
    finished: bool,
}

// === impl Ending ===

impl Ending {
    pub(crate) fn new(connection: Rc<Connection>, world: Rc<World>, exchange: Exchange) -> Self {
        Self { exchange, connection, world, ran: 0, responded: None, is_websocket: false, finished: false }
    }

    /// The head of the response goes out.
    pub(crate) fn respond(&mut self, status: StatusCode, now: Instant) {
        self.exchange.record.status = Some(status);
        self.responded = Some(now);
    }

    /// The last byte is out, or `cause` put an end to it. Only the first call counts.
    pub(crate) fn finish(&mut self, cause: Option<Cause>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let now = Instant::now();
        let record = &mut self.exchange.record;
        record.cause = record.cause.or(cause);
        record.request_bytes = self.exchange.upload.as_ref().map_or(0, |upload| upload.received());
        let timing = Timing::of(record, self.responded, now);
        let protocol = self.protocol();
        let worker = &self.connection.worker;
        let snapshot = &self.world.snapshot;
        let route = self.exchange.record.route.map(|route| &snapshot.routes[route as usize]);
        let metrics = route.map(|route| &*route.metrics);
        telemetry::finish(&self.exchange.record, &timing, metrics, &worker.metrics, worker.index, protocol);
        if self.ran > 0
            && let Some(listener) = self.connection.listener(&self.world)
        {
            let chain = route.map_or(&snapshot.listener(listener).chain, |route| route.chains.of(listener));
            chain.on_finish(&self.exchange, self.ran);
        }
        worker.with_log(|log| self.write_line(log, &timing, protocol));
        self.connection.finish(now);
        if self.is_websocket {
            // A tunnel has left its connection; a drain waits for it all the same.
            worker.note_end();
        }
    }

    fn protocol(&self) -> Protocol {
        if self.is_websocket {
            Protocol::WebSocket
        } else if self.exchange.head.version != Version::HTTP_2 {
            Protocol::Http1
        } else if reply::is_grpc(&self.exchange.head.headers) {
            Protocol::Grpc
        } else {
            Protocol::Http2
        }
    }

    fn write_line(&self, log: &mut WorkerLog, timing: &Timing, protocol: Protocol) {
        let Exchange { head, record, .. } = &self.exchange;
        let snapshot = &self.world.snapshot;
        let local = self.world.last_upstream(record);
        let endpoint = local.and_then(|local| local.endpoint(record.attempts.last()?));
        log.write(&Line {
            time: SystemTime::now() - timing.total,
            record,
            timing,
            protocol,
            client: self.exchange.client_ip,
            method: head.method.as_str(),
            host: self.exchange.authority().as_bytes(),
            path: head.uri.path(),
            route: record.route.map(|route| &*snapshot.routes[route as usize].name),
            upstream: local.map(|local| &*local.upstream.name),
            endpoint: endpoint.as_ref().and_then(|endpoint| endpoint.authority.to_str().ok()),
            user_agent: head.headers.get(USER_AGENT).map(HeaderValue::as_bytes),
            request_id: self.exchange.known_request_id().map(HeaderValue::as_bytes),
        });
    }
}

impl Drop for Ending {
    /// Whatever ended the exchange without saying so: the client went away while the gateway was at work.
    fn drop(&mut self) {
        self.finish(Some(Cause::ClientClosed));
    }
}

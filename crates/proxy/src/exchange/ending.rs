//! The end of an exchange: told once to metrics, log and policies.

use std::{rc::Rc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use http_body::Frame;
use message::{Cause, Exchange};
use policy::Chain;
use telemetry::{Protocol, Timing};

use crate::{
    connection::{Connection, SharedAlarm, StreamWatch},
    forward::{Link, Unsettled},
    reply,
    worker::World,
};

/// An exchange together with what its end will touch. Lives in one box from begin to finish: it is too large to be
/// handed from function to function.
pub(crate) struct Ending {
    pub(crate) exchange: Exchange,
    pub(crate) connection: Rc<Connection>,
    pub(crate) world: Rc<World>,
    /// How many policies of the chain saw the request.
    pub(crate) ran: usize,
    pub(crate) is_websocket: bool,
    /// The client showed the debug token.
    pub(crate) is_debugged: bool,
    /// What holds the response to its endpoint, while it is relayed.
    pub(crate) link: Option<Link>,
    /// What a log wants to tell of the response's head, if any does.
    pub(super) noted: Option<Box<HeaderMap>>,
    /// Of the stream, with HTTP/2.
    pub(crate) watch: Option<Rc<StreamWatch>>,
    /// For what the endpoint must do in time.
    pub(crate) alarm: SharedAlarm,
    finished: bool,
}

// === impl Ending ===

impl Ending {
    #[inline]
    pub(crate) fn new(
        connection: Rc<Connection>,
        world: Rc<World>,
        exchange: Exchange,
        watch: Option<Rc<StreamWatch>>,
    ) -> Box<Self> {
        let alarm = connection.exchange_alarm();
        // Room first, so that it is written there and not copied there.
        let room = Box::new_uninit();
        let ending = Self {
            exchange,
            world,
            ran: 0,
            is_websocket: false,
            is_debugged: false,
            link: None,
            noted: None,
            alarm,
            watch,
            connection,
            finished: false,
        };
        Box::write(room, ending)
    }

    /// The head of the response goes out.
    pub(crate) fn respond(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.noted = self.connection.worker.noted_for_log(headers);
        let record = &mut self.exchange.record;
        record.status = Some(status);
        // Without policies, nothing takes time between the endpoint's head and ours.
        record.responded = Some(match record.attempts.last() {
            Some(attempt) if self.ran == 0 => attempt.ended(),
            _ => Instant::now(),
        });
    }

    /// A piece of the body goes out.
    pub(crate) fn hand_over(&mut self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.exchange.record.response_bytes += data.len() as u64;
        }
        if let Some(watch) = &self.watch {
            watch.handed_over(Instant::now());
        }
    }

    /// What breakers still wait to hear; `None` if nothing, or once it was taken.
    pub(crate) fn unsettled(&mut self) -> Option<Box<Unsettled>> {
        self.link.as_mut()?.unsettled.take()
    }

    /// The last byte is out; the connection to the endpoint is free again.
    pub(crate) fn complete(&mut self) {
        self.connection.note_answered();
        self.finish_at(None, Instant::now());
        self.link = None;
    }

    /// `cause` put an end to it.
    pub(crate) fn finish(&mut self, cause: Option<Cause>) {
        self.finish_at(cause, Instant::now());
    }

    /// It is dropped before its end: the client went away while the gateway was at work, or took so little for so long
    /// that the gateway did.
    pub(crate) fn abandon(&mut self) {
        if self.exchange.record.responded.is_none() {
            self.connection.note_taken_back();
        }
        let now = Instant::now();
        let stalled = self.connection.is_overdue(now)
            || self.watch.as_ref().is_some_and(|watch| watch.is_overdue(self.connection.limits.stall_timeout, now));
        self.finish_at(Some(if stalled { Cause::ClientStalled } else { Cause::ClientClosed }), now);
    }

    /// Only the first call counts.
    fn finish_at(&mut self, cause: Option<Cause>, now: Instant) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let record = &mut self.exchange.record;
        record.cause = record.cause.or(cause);
        record.request_bytes = self.exchange.upload.as_ref().map_or(0, |upload| upload.received());
        record.ended = Some(now);
        let timing = Timing::of(record, now);
        let protocol = self.protocol();
        let worker = &self.connection.worker;
        let snapshot = &self.world.snapshot;
        let route = self.exchange.record.route.map(|route| &snapshot.routes[route as usize]);
        let metrics = route.map(|route| &*route.metrics);
        telemetry::finish(&self.exchange.record, &timing, metrics, &worker.metrics, worker.index, protocol);
        if let Some(side) = snapshot.side(&self.exchange.record) {
            side.metrics.observe(worker.index, &self.exchange.record, &timing);
        }
        let chain = self.chain();
        if let Some(chain) = chain {
            chain.on_finish(&self.exchange, self.ran);
        }
        self.tell(&timing, protocol, chain);
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

    /// The policies of which the first saw the request; `None` if none did.
    fn chain(&self) -> Option<&Chain> {
        if self.ran == 0 {
            return None;
        }
        let snapshot = &self.world.snapshot;
        let listener = self.connection.listener(&self.world)?;
        let record = &self.exchange.record;
        Some(match record.route {
            Some(route) => {
                let route = &snapshot.routes[route as usize];
                // As it was when the route was found: a side that depends on who calls was chosen after that.
                let is_late = route.sides().is_some_and(|sides| sides.awaits_consumer());
                route.chains.of(listener, record.side.filter(|_| !is_late))
            }
            None => &snapshot.listener(listener).chain,
        })
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.finished {
            self.abandon();
        }
    }
}

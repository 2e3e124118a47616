//! The short answer: what becomes of a request, without the story.

use std::{rc::Rc, time::SystemTime};

use http::{Method, request};
use message::{Body, Error, Exchange, Notable, Random, Record, forwarded};
use model::ListenerId;
use route::Ask;

use super::{Decision, Question, QuestionError};
use crate::{Snapshot, admission};

/// What becomes of a request that arrives on one listener.
pub(crate) struct Answer {
    pub(crate) listener: ListenerId,
    /// `None`: it is refused before routes are looked at.
    pub(crate) seen: Option<Seen>,
    /// Index of the route that takes it.
    pub(crate) route: Option<usize>,
    /// Index of the side of that route, if the request leaves no doubt.
    pub(crate) side: Option<u32>,
    pub(crate) decision: Decision,
}

/// A request as routes see it.
pub(crate) struct Seen {
    pub(super) exchange: Exchange,
    /// That of a preflight, by which its route is found.
    pub(super) requested_method: Option<Method>,
    pub(super) now: SystemTime,
}

// === impl Answer ===

impl Answer {
    /// The answer on the first listener that fits, which costs what a request costs.
    pub(crate) fn new(snapshot: &Snapshot, question: &Question) -> Result<Self, QuestionError> {
        let listeners = question.listeners(snapshot)?;
        let first = *listeners.first().ok_or(QuestionError::NoListener)?;
        Self::on(first, snapshot, question)
    }

    /// Follows the path of a request up to where it would leave: nothing is sent, and nothing counted.
    pub(super) fn on(listener: ListenerId, snapshot: &Snapshot, question: &Question) -> Result<Self, QuestionError> {
        let mut seen = match question.head()?.and_then(|head| Seen::new(head, listener, snapshot, question)) {
            Ok(seen) => seen,
            Err(error) => return Ok(Self::refused(listener, None, &error)),
        };
        let Some(found) = seen.ask(listener, |ask| snapshot.table.find(ask)) else {
            let error = admission::no_route(&seen.exchange);
            return Ok(Self::refused(listener, Some(seen), &error));
        };
        seen.exchange.captures = found.captures;
        let (decision, side) = Decision::of(&snapshot.routes[found.route], &seen, listener, snapshot);
        Ok(Self { listener, seen: Some(seen), route: Some(found.route), side, decision })
    }

    fn refused(listener: ListenerId, seen: Option<Seen>, error: &Error) -> Self {
        Self { listener, seen, route: None, side: None, decision: Decision::refuse(error) }
    }
}

// === impl Seen ===

impl Seen {
    fn new(
        mut head: request::Parts,
        listener: ListenerId,
        snapshot: &Snapshot,
        question: &Question,
    ) -> Result<Self, Error> {
        let listener = snapshot.listener(listener);
        let notable = Notable::of(&head.headers);
        admission::check_section(&head.headers, &listener.limits)?;
        let authority = admission::head(&mut head, notable, &listener.limits)?;
        let peer = question.peer(snapshot, listener.tls.is_some());
        let client_ip = forwarded::client_ip(&head.headers, &peer, &snapshot.settings.trusted_proxies);
        // Who shows the token is told more, and goes the same way.
        _ = admission::strip(&mut head.headers, notable, peer.trusted);
        let requested_method = route::preflight(&head.method, &head.headers);
        let record = Record::new(std::time::Instant::now());
        let exchange =
            Exchange::new(head, Body::empty(), Rc::new(peer), client_ip, authority, record, Random::seeded(0));
        Ok(Self { exchange, requested_method, now: question.at.unwrap_or_else(SystemTime::now) })
    }

    /// What the router is asked by.
    pub(super) fn ask<T>(&self, listener: ListenerId, then: impl FnOnce(&Ask<'_>) -> T) -> T {
        then(&admission::ask(&self.exchange, listener, self.requested_method.as_ref(), &|| self.now))
    }

    /// What the choice of a side is asked by: a preflight goes where its own method leads.
    pub(super) fn ask_sides<T>(&self, listener: ListenerId, then: impl FnOnce(&Ask<'_>) -> T) -> T {
        then(&admission::ask(&self.exchange, listener, None, &|| self.now))
    }

    /// The same request once more, to be changed.
    pub(super) fn copy(&self) -> Exchange {
        let Exchange { head, peer, client_ip, captures, .. } = &self.exchange;
        let (record, random) = (Record::new(self.exchange.record.started), Random::seeded(0));
        let authority = self.exchange.authority().clone();
        let mut copy = Exchange::new(head.clone(), Body::empty(), peer.clone(), *client_ip, authority, record, random);
        copy.captures = captures.clone();
        copy
    }
}

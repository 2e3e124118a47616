//! The policies of one route in the order in which they run.

use std::{sync::Arc, time::Instant};

use message::{Event, Exchange, Record, Response, Result};
use model::Place;

use crate::{Flow, Needs, Policy, Stage, Step};

/// Compiled once per route. The path of a request only walks it.
#[derive(Clone, Default)]
pub struct Chain {
    links: Box<[Link]>,
    /// Of the links, kept apart from them: no request asks.
    places: Box<[Place]>,
    needs: Needs,
}

/// A link with the place in the document where it is written.
#[derive(Clone)]
pub struct Attached {
    pub link: Link,
    pub place: Place,
}

#[derive(Clone)]
pub struct Link {
    pub kind: &'static str,
    pub stage: Stage,
    pub origin: Origin,
    pub policy: Arc<dyn Policy>,
}

/// Where in the document a policy is attached; earlier ones run first within a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    Gateway,
    Listener,
    Route,
    Upstream,
}

/// What a policy decided.
struct Settled {
    flow: Result<Flow>,
    /// When the wait for it began, if it had to wait.
    since: Option<Instant>,
}

// === impl Origin ===

impl Origin {
    /// As people say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Listener => "listener",
            Self::Route => "route",
            Self::Upstream => "upstream",
        }
    }
}

// === impl Chain ===

impl Chain {
    /// Orders `attached`, given as written, by stage and origin.
    pub fn new(mut attached: Vec<Attached>) -> Self {
        attached.sort_by_key(|Attached { link, .. }| (link.stage, link.origin));
        let (links, places): (Vec<_>, Vec<_>) =
            attached.into_iter().map(|Attached { link, place }| (link, place)).unzip();
        let needs = links.iter().fold(Needs::Nothing, |needs, link| needs.union(link.policy.needs()));
        Self { links: links.into(), places: places.into(), needs }
    }

    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Where in the document each of the links is written.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What all of them together must see of the request body.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Runs the way in. `ran` counts the policies whose `on_request` was called: those see the response as well.
    ///
    /// # Errors
    /// What a policy failed with.
    pub async fn on_request(&self, exchange: &mut Exchange, ran: &mut usize) -> Result<Option<Box<Response>>> {
        for link in &self.links {
            *ran += 1;
            let settled = settle(link.policy.on_request(exchange)).await;
            match settled.told(link.kind, &mut exchange.record)? {
                Flow::Continue => {}
                Flow::Reply(response) => return Ok(Some(response)),
            }
        }
        Ok(None)
    }

    /// Runs the way out, in reverse, over the first `ran` policies.
    ///
    /// # Errors
    /// What a policy failed with; those that are left have not seen the response then.
    pub async fn on_response(&self, exchange: &mut Exchange, response: &mut Response, ran: usize) -> Result<()> {
        for link in self.links[..ran].iter().rev() {
            let settled = settle(link.policy.on_response(exchange, response)).await;
            match settled.told(link.kind, &mut exchange.record)? {
                Flow::Continue => {}
                Flow::Reply(replacement) => *response = *replacement,
            }
        }
        Ok(())
    }

    pub fn on_finish(&self, exchange: &Exchange, ran: usize) {
        for link in &self.links[..ran] {
            link.policy.on_finish(exchange);
        }
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.links.iter().map(|link| (link.kind, link.origin))).finish()
    }
}

// === impl Settled ===

impl Settled {
    /// Notes in the record whatever is not simply to go on.
    #[inline]
    fn told(self, kind: &'static str, record: &mut Record) -> Result<Flow> {
        let is_usual = self.since.is_none() && matches!(self.flow, Ok(Flow::Continue));
        if !is_usual {
            self.note(kind, record);
        }
        self.flow
    }

    #[cold]
    fn note(&self, policy: &'static str, record: &mut Record) {
        let now = Instant::now();
        if let Some(since) = self.since {
            record.note_at(now, Event::PolicyWaited { policy, took: now.saturating_duration_since(since) });
        }
        match &self.flow {
            Ok(Flow::Continue) => {}
            Ok(Flow::Reply(response)) => {
                record.note_at(now, Event::PolicyReplied { policy, status: response.status() });
            }
            Err(error) => record.note_at(now, Event::PolicyFailed { policy, cause: error.cause() }),
        }
    }
}

#[inline]
async fn settle(step: Step<'_>) -> Settled {
    match step {
        Step::Continue => Settled { flow: Ok(Flow::Continue), since: None },
        Step::Reply(response) => Settled { flow: Ok(Flow::Reply(response)), since: None },
        Step::Fail(error) => Settled { flow: Err(error), since: None },
        Step::Wait(future) => {
            let since = Some(Instant::now());
            Settled { flow: future.await, since }
        }
    }
}

//! Copies of requests for other upstreams, whose answers nobody gets.
//!
//! ```text
//! chance ─▶ place ─▶ no body, or at hand ────────────────────────▶ task: sent, answer read and dropped ─▶ counted
//!             │                                                    ▲
//!             └────▶ body to come: a tee on that of the original ──┘ whole
//!                                      └─▶ too long, broken off ─▶ counted
//! ```
//! The original does not wait for any of it. What a copy takes is bounded: the length of its body, the time until its
//! answer must be over, and how many of a mirror are under way on one worker, from the choice to the end.

use std::{rc::Rc, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body::Body as _;
use message::{Cause, Event, Exchange, Random, Result, forwarded::X_SLUICE_MIRROR};
use smallvec::SmallVec;
use snapshot::{Mirror, Settings};

use crate::worker::World;

/// A body that has passed.
mod content;
/// A copy on its way to an endpoint.
mod sending;
/// A body that is read along while it passes.
mod tee;

use content::Content;
use tee::{Taker, Tee};

/// A request that is to be sent once its body is whole. Dropped before, it is counted as incomplete.
struct Copy {
    head: Rc<Head>,
    place: Place,
    world: Rc<World>,
    /// What its balance goes by, as the original was.
    key: Option<u64>,
    random: Random,
}

/// The head as the original's endpoint gets it, and the mark of a copy. The copies of one request share it.
struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    authority: HeaderValue,
}

/// One of the copies that a mirror may have under way; counted when it is dropped.
struct Place {
    mirror: Arc<Mirror>,
    worker: usize,
    outcome: Result<StatusCode, Cause>,
}

/// Copies the request to those of the mirrors that chance chooses, if they have room.
///
/// To be called when the head is as the endpoint gets it, before anything reads the body.
pub(super) fn copy(mirrors: &[Arc<Mirror>], world: &Rc<World>, worker: usize, exchange: &mut Exchange) {
    let mut places = choose(mirrors, worker, &mut exchange.random);
    // A body whose length is known to be too much is not looked at.
    let length = exchange.body.size_hint().lower();
    places.retain(|place| place.takes(length));
    let Some(first) = places.first() else { return };
    exchange.record.note(Event::Mirrored { copies: places.len() });

    let head = Rc::new(Head::of(exchange, first.mirror.mark.clone(), &world.snapshot.settings));
    let mut copy = |place: Place| {
        let key = world.upstream(place.mirror.to.upstream).upstream.rules.balance.key(exchange);
        Copy { head: head.clone(), place, world: world.clone(), key, random: exchange.random.split() }
    };
    let copies: SmallVec<[Copy; 1]> = places.into_iter().map(&mut copy).collect();
    if exchange.body.is_empty() || exchange.body.bytes().is_some() {
        let content = Rc::new(Content::at_hand(exchange.body.bytes()));
        copies.into_iter().for_each(|copy| copy.take(&content));
    } else {
        exchange.body = Tee::on(exchange.body.take(), copies);
    }
}

fn choose(mirrors: &[Arc<Mirror>], worker: usize, random: &mut Random) -> SmallVec<[Place; 1]> {
    let chosen = mirrors.iter().filter(|mirror| random.hits(mirror.share));
    chosen.filter_map(|mirror| Place::take(mirror, worker)).collect()
}

// === impl Copy ===

impl Taker for Copy {
    fn limit(&self) -> u64 {
        self.place.mirror.body
    }

    fn take(self, content: &Rc<Content>) {
        drop(tokio::task::spawn_local(sending::run(self, content.clone())));
    }

    fn refuse(mut self, cause: Cause) {
        self.place.outcome = Err(cause);
    }
}

// === impl Head ===

impl Head {
    fn of(exchange: &Exchange, mark: HeaderValue, settings: &Settings) -> Self {
        let mut headers = exchange.head.headers.clone();
        if let Some((trace, rules)) = exchange.trace.zip(settings.tracing.as_ref()) {
            // Copies have no spans of their own.
            trace.context(trace.span, &rules.formats).write(&mut headers);
        }
        // The header limits of the listener leave room for one more.
        _ = headers.try_insert(X_SLUICE_MIRROR, mark);
        Self {
            method: exchange.head.method.clone(),
            uri: exchange.head.uri.clone(),
            headers,
            authority: exchange.authority().clone(),
        }
    }
}

// === impl Place ===

impl Place {
    /// `None` if as many copies are under way as may be.
    fn take(mirror: &Arc<Mirror>, worker: usize) -> Option<Self> {
        if mirror.metrics.inflight_of(worker) >= mirror.in_flight {
            mirror.metrics.overflowed(worker);
            return None;
        }
        mirror.metrics.copy_began(worker);
        Some(Self { mirror: mirror.clone(), worker, outcome: Err(Cause::BodyIncomplete) })
    }

    /// Whether a body of at least so many bytes may fit; if not, that is how this one ends.
    fn takes(&mut self, bytes: u64) -> bool {
        let fits = bytes <= self.mirror.body;
        if !fits {
            self.outcome = Err(Cause::BodyTooLarge);
        }
        fits
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.mirror.metrics.copy_ended(self.worker, self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use snapshot::Destination;
    use telemetry::MirrorMetrics;

    use super::*;

    fn mirror(share: f64, in_flight: u64) -> Arc<Mirror> {
        let (mark, metrics) = (HeaderValue::from_static("r"), Arc::new(MirrorMetrics::new(2)));
        let to = Destination { upstream: 0, subset: None };
        Arc::new(Mirror { to, share, body: 10, in_flight, mark, metrics })
    }

    #[test]
    fn shares_are_kept_within_one_percent() {
        let mirrors = [0.005, 0.1, 0.5, 1.0].map(|share| mirror(share, 1));
        let mut worker = Random::seeded(15);
        let mut copied = [0; 4];
        for _ in 0..100_000 {
            for place in choose(&mirrors, 0, &mut worker.split()) {
                let index = mirrors.iter().position(|mirror| Arc::ptr_eq(mirror, &place.mirror)).unwrap();
                copied[index] += 1;
            }
        }
        for (mirror, copied) in mirrors.iter().zip(copied) {
            let share = f64::from(copied) / 100_000.0;
            assert!((share - mirror.share).abs() < 0.01, "{share} instead of {}", mirror.share);
        }
    }

    #[test]
    fn each_worker_has_so_many_places_and_no_more() {
        let mirrors = [mirror(1.0, 2)];
        let mut taken = Vec::new();
        for worker in [0, 0, 0, 1, 1, 1] {
            taken.extend(choose(&mirrors, worker, &mut Random::seeded(0)));
        }
        assert_eq!(taken.len(), 4);
        taken.remove(0);
        assert_eq!(choose(&mirrors, 0, &mut Random::seeded(0)).len(), 1, "one is free again");
        assert_eq!(choose(&mirrors, 1, &mut Random::seeded(0)).len(), 0);
    }
}

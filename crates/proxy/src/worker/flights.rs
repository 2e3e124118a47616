//! The flight recorder of a worker, and those who watch what it records.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use telemetry::flight::{Departed, Filter, FlightRules, Look, Recorder, Slot};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
};

/// What a worker records, and for whom.
#[derive(Default)]
pub(crate) struct Flights {
    /// `None`: nothing is recorded.
    recorder: RefCell<Option<Recorder>>,
    taps: RefCell<Vec<Tap>>,
    is_on: Cell<bool>,
}

/// Somebody who watches records as they are made. Each worker has a copy.
#[derive(Clone)]
pub(crate) struct Tap {
    pub(super) filter: Arc<Filter>,
    pub(super) taker: mpsc::Sender<Slot>,
    pub(super) rate: Arc<Rate>,
}

/// So many records are handed over within a second, by all workers together; the others are counted.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(super) per_second: u32,
    /// The second since 1970, and how many were handed over in it.
    pub(super) window: AtomicU64,
    pub(super) dropped: Arc<AtomicU64>,
}

/// So many records are looked at before exchanges have their turn: some tens of microseconds' worth.
const SLICE: usize = 256;

// === impl Flights ===

impl Flights {
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Has exchanges recorded by these rules from now on, or not at all. What was recorded stays if they are the same.
    pub(super) fn follow(&self, rules: Option<Arc<FlightRules>>, worker: usize, workers: usize) {
        let mut recorder = self.recorder.borrow_mut();
        if recorder.as_ref().map(Recorder::rules) == rules.as_ref() {
            return;
        }
        self.is_on.set(rules.is_some());
        *recorder = rules.map(|rules| Recorder::new(rules, worker, workers));
    }

    /// An exchange has ended.
    pub(crate) fn record(&self, departed: &Departed<'_>) {
        let mut recorder = self.recorder.borrow_mut();
        let Some(recorder) = &mut *recorder else { return };
        let slot = recorder.record(departed);
        let mut taps = self.taps.borrow_mut();
        if !taps.is_empty() {
            taps.retain(|tap| tap.offer(slot));
        }
    }

    pub(super) fn tap(&self, tap: Tap) {
        self.taps.borrow_mut().push(tap);
    }

    /// Lets go of those who watch no more.
    pub(super) fn tick(&self) {
        self.taps.borrow_mut().retain(|tap| !tap.taker.is_closed());
    }

    /// Looks through the records, a slice at a time.
    pub(super) async fn look<L: Look>(self: Rc<Self>, mut look: L, reply: oneshot::Sender<L::Found>) {
        while !self.recorder.borrow().as_ref().is_none_or(|recorder| look.go_on(recorder, SLICE)) {
            yield_now().await;
        }
        // Whoever asked may have left.
        _ = reply.send(look.found());
    }
}

// === impl Tap ===

impl Tap {
    /// Hands over a record that it wants; whether it may want others.
    fn offer(&self, slot: &Slot) -> bool {
        if self.taker.is_closed() {
            return false;
        }
        if self.filter.passes(slot) && !(self.rate.takes(slot) && self.taker.try_send(slot.clone()).is_ok()) {
            self.rate.dropped.fetch_add(1, Relaxed);
        }
        true
    }
}

// === impl Rate ===

impl Rate {
    fn takes(&self, slot: &Slot) -> bool {
        let second = slot.ended().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let one_more = |window: u64| match (window >> 32 == second & u64::from(u32::MAX), window as u32) {
            (true, taken) if taken >= self.per_second => None,
            (true, _) => Some(window + 1),
            (false, _) => Some(second << 32 | 1),
        };
        self.window.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }
}

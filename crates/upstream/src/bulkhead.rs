//! So many requests at a time, and a queue for a few more.
//!
//! An upstream that slows down holds every request that it gets; without a bound it comes to hold all that the gateway can
//! bear, and takes the other upstreams along. The bound holds over all workers. The way in and out is one atomic
//! operation each; the lock is for those who wait, and for who wakes them.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

/// Places for requests.
#[derive(Debug)]
pub struct Bulkhead {
    places: u32,
    queue: u32,
    taken: Line,
    /// How many stand in `waiters`; spares the lock to those who leave while nobody waits.
    waiting: Line,
    waiters: Mutex<VecDeque<Arc<Waiter>>>,
}

/// A place, for as long as it lives.
#[derive(Debug)]
pub struct Place(Arc<Bulkhead>);

/// All places are taken, and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The wait for a place; dropped, it leaves the queue.
#[derive(Debug)]
pub struct Turn {
    bulkhead: Arc<Bulkhead>,
    /// `None`: the place was handed on.
    waiter: Option<Arc<Waiter>>,
}

#[derive(Debug, Default)]
struct Waiter(Mutex<Wait>);

#[derive(Debug, Default)]
enum Wait {
    #[default]
    Unasked,
    Asked(Waker),
    /// A place is held for it.
    Called,
}

/// Alone in its cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line(AtomicU32);

// === impl Bulkhead ===

impl Bulkhead {
    pub fn new(places: u32, queue: u32) -> Arc<Self> {
        Arc::new(Self { places, queue, taken: Line::default(), waiting: Line::default(), waiters: Mutex::default() })
    }

    /// Takes a place if there is one and nobody waits for it.
    pub fn enter(self: &Arc<Self>) -> Option<Place> {
        (self.waiting.0.load(SeqCst) == 0 && self.take()).then(|| Place(self.clone()))
    }

    /// Queues for a place.
    ///
    /// # Errors
    /// [`Full`] if as many as allowed wait already.
    pub fn queue(self: &Arc<Self>) -> Result<Turn, Full> {
        let mut waiters = self.waiters();
        if waiters.len() >= self.queue as usize {
            return Err(Full);
        }
        let waiter = Arc::new(Waiter::default());
        waiters.push_back(waiter.clone());
        self.waiting.0.store(waiters.len() as u32, SeqCst);
        // Whoever left before it saw that somebody waits left a place behind.
        self.call(waiters);
        Ok(Turn { bulkhead: self.clone(), waiter: Some(waiter) })
    }

    /// Requests that have a place.
    pub fn taken(&self) -> u32 {
        self.taken.0.load(SeqCst)
    }

    /// Requests that wait for one.
    pub fn waiting(&self) -> u32 {
        self.waiting.0.load(SeqCst)
    }

    fn take(&self) -> bool {
        let more = |taken| (taken < self.places).then_some(taken + 1);
        self.taken.0.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    fn leave(&self) {
        self.taken.0.fetch_sub(1, SeqCst);
        // Either this sees who queued, or who queued sees the place: both are in one order.
        if self.waiting.0.load(SeqCst) > 0 {
            self.call(self.waiters());
        }
    }

    /// Hands free places to those who have waited longest.
    fn call(&self, mut waiters: MutexGuard<'_, VecDeque<Arc<Waiter>>>) {
        let mut called = Vec::new();
        while !waiters.is_empty() && self.take() {
            called.extend(waiters.pop_front().and_then(|waiter| waiter.call()));
            self.waiting.0.store(waiters.len() as u32, SeqCst);
        }
        drop(waiters);
        called.into_iter().for_each(Waker::wake);
    }

    fn waiters(&self) -> MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave();
    }
}

// === impl Turn ===

impl Future for Turn {
    type Output = Place;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Place> {
        let is_called = self.waiter.as_ref().is_some_and(|waiter| waiter.is_called(context.waker()));
        if !is_called {
            return Poll::Pending;
        }
        self.waiter = None;
        Poll::Ready(Place(self.bulkhead.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        let mut waiters = self.bulkhead.waiters();
        match waiters.iter().position(|other| Arc::ptr_eq(other, &waiter)) {
            Some(index) => {
                waiters.remove(index);
                self.bulkhead.waiting.0.store(waiters.len() as u32, SeqCst);
            }
            // It was called, and does not come.
            None => {
                drop(waiters);
                self.bulkhead.leave();
            }
        }
    }
}

// === impl Waiter ===

impl Waiter {
    /// Gives it the place that was taken for it; whom to wake, if it was asked for already.
    fn call(&self) -> Option<Waker> {
        match std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Wait::Called) {
            Wait::Asked(waker) => Some(waker),
            Wait::Unasked | Wait::Called => None,
        }
    }

    fn is_called(&self, waker: &Waker) -> bool {
        let mut wait = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*wait, Wait::Called) {
            return true;
        }
        *wait = Wait::Asked(waker.clone());
        false
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, task::Wake, thread};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    fn poll(turn: &mut Turn, woken: &Arc<Woken>) -> Option<Place> {
        match Pin::new(turn).poll(&mut Context::from_waker(&woken.clone().into())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn places_go_to_who_waited_longest() {
        let (bulkhead, woken) = (Bulkhead::new(1, 2), Arc::new(Woken::default()));
        let place = bulkhead.enter().unwrap();
        assert!(bulkhead.enter().is_none());
        let (mut first, mut second) = (bulkhead.queue().unwrap(), bulkhead.queue().unwrap());
        assert_eq!(bulkhead.queue().unwrap_err(), Full);
        assert!(poll(&mut first, &woken).is_none() && poll(&mut second, &woken).is_none());
        drop(place);
        assert_eq!(woken.0.load(SeqCst), 1);
        assert!(bulkhead.enter().is_none(), "the place is held for the first");
        assert!(poll(&mut second, &woken).is_none());
        let place = poll(&mut first, &woken).unwrap();
        drop(place);
        assert!(poll(&mut second, &woken).is_some());
        assert_eq!((bulkhead.taken(), bulkhead.waiting()), (0, 0));
    }

    /// Who gives up leaves the queue, and hands on a place that was held for it.
    #[test]
    fn who_leaves_takes_nothing_along() {
        let (bulkhead, woken) = (Bulkhead::new(1, 3), Arc::new(Woken::default()));
        let place = bulkhead.enter().unwrap();
        let (first, second, mut third) =
            (bulkhead.queue().unwrap(), bulkhead.queue().unwrap(), bulkhead.queue().unwrap());
        assert!(poll(&mut third, &woken).is_none());
        drop(second);
        assert_eq!(bulkhead.waiting(), 2);
        drop(place);
        // It was called, and does not come.
        drop(first);
        assert!(poll(&mut third, &woken).is_some());
    }

    /// However threads meet, nobody sleeps beside a free place, and no more than the places are taken.
    #[test]
    fn nobody_is_forgotten() {
        const PLACES: u32 = 3;
        let bulkhead = Bulkhead::new(PLACES, 100);
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let (bulkhead, inside) = (bulkhead.clone(), inside.clone());
                thread::spawn(move || {
                    for round in 0..5_000_u32 {
                        let place = bulkhead.enter().unwrap_or_else(|| wait(bulkhead.queue().unwrap()));
                        assert!(inside.fetch_add(1, SeqCst) < PLACES as usize);
                        if round % 7 == thread {
                            drop(bulkhead.queue());
                        }
                        inside.fetch_sub(1, SeqCst);
                        drop(place);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((bulkhead.taken(), bulkhead.waiting()), (0, 0));
    }

    /// Blocks this thread; it hangs if the call is lost.
    fn wait(mut turn: Turn) -> Place {
        struct Unpark(thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Arc::new(Unpark(thread::current())).into();
        loop {
            match Pin::new(&mut turn).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(place) => return place,
                Poll::Pending => thread::park(),
            }
        }
    }
}

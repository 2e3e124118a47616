//! What the workers together know of an endpoint.

use std::{
    sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    time::{Duration, Instant},
};

/// Shared by all who ask the endpoint; adopted by its successor with the same address.
///
/// Advice, not truth: two workers may choose by the same numbers at the same instant, so nothing is ordered by them. On
/// cache lines of its own (two, because processors fetch them in pairs), so that what changes with every request lies
/// beside nothing that is only read.
#[derive(Debug)]
#[repr(align(128))]
pub struct Learned {
    in_flight: AtomicU32,
    /// Above: seconds, as the bits of an `f32`. Below: when that was so, in milliseconds since `since`; a clock that wraps
    /// after 49 days without news makes an old average a little younger. 0: nothing is known.
    latency: AtomicU64,
    since: Instant,
    /// Whether it may be asked, as far as its health goes.
    is_eligible: AtomicBool,
    /// When it last became that, in milliseconds since `since`.
    eligible_from: AtomicU32,
}

/// How often the eligibility of any endpoint changed. What is computed from it is computed anew when this has moved.
static CHANGES: AtomicU64 = AtomicU64::new(0);

// === impl Learned ===

impl Learned {
    /// Of an endpoint that is known from `now` on.
    pub fn new(now: Instant) -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            latency: AtomicU64::new(0),
            since: now,
            is_eligible: AtomicBool::new(true),
            eligible_from: AtomicU32::new(0),
        }
    }

    /// How long it has been known.
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// How long it has been asked without a break, so that a slow start can tell who is warm.
    pub fn warm_for(&self, now: Instant) -> Duration {
        self.age(now).saturating_sub(Duration::from_millis(self.eligible_from.load(Relaxed).into()))
    }

    /// Whether it may be asked, as far as its health goes.
    pub fn is_eligible(&self) -> bool {
        self.is_eligible.load(Relaxed)
    }

    /// Says whether it may be asked, from `now` on. Whoever judges health does; balancers only read.
    pub fn set_eligible(&self, is_eligible: bool, now: Instant) {
        if self.is_eligible() == is_eligible {
            return;
        }
        if is_eligible {
            self.eligible_from.store(self.milliseconds(now), Relaxed);
        }
        self.is_eligible.store(is_eligible, Relaxed);
        Self::note_change();
    }

    /// Moves [`Learned::changes`]. Whoever sees that sees what was stored before.
    pub(crate) fn note_change() {
        CHANGES.fetch_add(1, Release);
    }

    /// A number that moves whenever it changes of any endpoint whether it may be asked, or as a last resort.
    pub fn changes() -> u64 {
        CHANGES.load(Acquire)
    }

    /// A request is on its way to it. [`Learned::end`] must follow.
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Requests between their choice of this endpoint and the end of the response, tunnels included.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// The head of an answer took so long. What is worse than before counts at once, what is better fades in: of an
    /// average that is `decay` old, 1/e is left.
    pub fn observe(&self, took: Duration, now: Instant, decay: Duration) {
        self.update(now, |known| match known {
            Some((before, age)) if took.as_secs_f64() < before => {
                let took = took.as_secs_f64();
                took + (before - took) * faded(age, decay)
            }
            _ => took.as_secs_f64(),
        });
    }

    /// An answer would have taken so long or longer: it was not waited for.
    pub fn observe_at_least(&self, waited: Duration, now: Instant, decay: Duration) {
        let waited = waited.as_secs_f64();
        if self.latency(now, decay).is_none_or(|known| known < waited) {
            self.update(now, |_| waited);
        }
    }

    /// The average in seconds, above zero, as it is now. It falls without news, so that an endpoint that was slow is asked
    /// again one day; `None` when there is none.
    pub fn latency(&self, now: Instant, decay: Duration) -> Option<f64> {
        let (seconds, age) = unpack(self.latency.load(Relaxed), self.milliseconds(now))?;
        Some(seconds * faded(age, decay)).filter(|seconds| *seconds >= LEAST)
    }

    fn update(&self, now: Instant, next: impl Fn(Option<(f64, Duration)>) -> f64) {
        let now = self.milliseconds(now);
        let packed = |before| Some(pack(next(unpack(before, now)), now));
        // Never fails: there is always a next value.
        _ = self.latency.fetch_update(Relaxed, Relaxed, packed);
    }

    fn milliseconds(&self, now: Instant) -> u32 {
        self.age(now).as_millis() as u32
    }
}

/// Less than any answer takes; what has faded below it is forgotten.
const LEAST: f64 = 1e-9;

fn pack(seconds: f64, now: u32) -> u64 {
    u64::from((seconds.max(LEAST) as f32).to_bits()) << 32 | u64::from(now)
}

/// Seconds, and how old they are.
fn unpack(packed: u64, now: u32) -> Option<(f64, Duration)> {
    let age = Duration::from_millis(now.wrapping_sub(packed as u32).into());
    (packed != 0).then(|| (f32::from_bits((packed >> 32) as u32).into(), age))
}

/// What is left of 1.
fn faded(age: Duration, decay: Duration) -> f64 {
    (-age.as_secs_f64() / decay.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY: Duration = Duration::from_secs(10);

    fn seconds(learned: &Learned, now: Instant) -> f64 {
        learned.latency(now, DECAY).unwrap()
    }

    #[test]
    fn averages_rise_at_once_and_fall_slowly() {
        let begin = Instant::now();
        let learned = Learned::new(begin);
        assert_eq!(learned.latency(begin, DECAY), None);
        learned.observe(Duration::from_millis(100), begin, DECAY);
        assert!((seconds(&learned, begin) - 0.1).abs() < 1e-6);
        learned.observe(Duration::from_millis(500), begin, DECAY);
        assert!((seconds(&learned, begin) - 0.5).abs() < 1e-6);
        // After one `decay`, a better answer has all the say but 1/e.
        let later = begin + DECAY;
        learned.observe(Duration::from_millis(100), later, DECAY);
        assert!((seconds(&learned, later) - (0.1 + 0.4 / std::f64::consts::E)).abs() < 1e-6);
        // Without news it fades away.
        let before = seconds(&learned, later);
        assert!((seconds(&learned, later + DECAY) - before / std::f64::consts::E).abs() < 1e-6);
        assert_eq!(learned.latency(later + 40 * DECAY, DECAY), None);
    }

    #[test]
    fn answers_that_nobody_waited_for_only_make_it_worse() {
        let begin = Instant::now();
        let learned = Learned::new(begin);
        learned.observe_at_least(Duration::from_millis(100), begin, DECAY);
        learned.observe_at_least(Duration::from_millis(50), begin, DECAY);
        assert!((seconds(&learned, begin) - 0.1).abs() < 1e-6);
        learned.observe_at_least(Duration::from_millis(200), begin, DECAY);
        assert!((seconds(&learned, begin) - 0.2).abs() < 1e-6);
    }

    #[test]
    fn who_comes_back_begins_anew() {
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let learned = Learned::new(begin);
        assert!(learned.is_eligible());
        let changes = Learned::changes();
        learned.set_eligible(true, begin + second);
        assert_eq!(learned.warm_for(begin + 2 * second), 2 * second, "nothing changed");
        learned.set_eligible(false, begin + 3 * second);
        assert!(!learned.is_eligible() && Learned::changes() > changes);
        learned.set_eligible(true, begin + 5 * second);
        assert!(learned.is_eligible());
        assert_eq!(learned.warm_for(begin + 6 * second), second);
    }

    #[test]
    fn workers_count_together_and_lose_nothing() {
        let now = Instant::now();
        let learned = Learned::new(now);
        std::thread::scope(|scope| {
            for worker in 0..4_u64 {
                let learned = &learned;
                scope.spawn(move || {
                    for round in 0..50_000 {
                        learned.begin();
                        learned.observe(Duration::from_micros(1 + worker), now + Duration::from_millis(round), DECAY);
                        assert!(learned.in_flight() >= 1);
                        learned.end();
                    }
                });
            }
        });
        assert_eq!(learned.in_flight(), 0);
        assert!(learned.latency(now + Duration::from_secs(50), DECAY).unwrap() <= 4e-6 + 1e-9);
    }

    #[test]
    fn endpoints_share_no_cache_line() {
        assert_eq!((align_of::<Learned>(), size_of::<Learned>()), (128, 128));
    }
}

//! How often somebody was refused lately.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use listen::Peer;

/// Refusals of the last minute, by where they came from. Takes the same memory however many ask: sources share a place if
/// chance wants it, and then what each does counts for both.
#[derive(Debug)]
pub(crate) struct Failures {
    most: u32,
    /// Nobody can choose to share a place with another.
    hasher: RandomState,
    places: Mutex<Box<[Place]>>,
}

/// What is to be done about one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// One of the few that everybody has.
    Fine,
    /// The first that is too many; so long until it is forgotten.
    Last(Duration),
    /// One of many.
    TooMany(Duration),
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// When the first came of those that are counted.
    since: Option<Instant>,
    count: u32,
}

/// For so long each counts that came since the first.
const WINDOW: Duration = Duration::from_mins(1);

const PLACES: usize = 1024;

// === impl Failures ===

impl Failures {
    /// Everybody has `most` in a minute.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, hasher: RandomState::new(), places: Mutex::new(vec![Place::default(); PLACES].into()) }
    }

    /// Counts one more.
    pub(crate) fn note(&self, from: Peer, now: Instant) -> Verdict {
        let index = self.hasher.hash_one(source(from)) as usize % PLACES;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = &mut places[index];
        let since = match place.since.filter(|since| now.saturating_duration_since(*since) < WINDOW) {
            Some(since) => since,
            None => {
                *place = Place { since: Some(now), count: 0 };
                now
            }
        };
        place.count = place.count.saturating_add(1);
        let left = WINDOW.saturating_sub(now.saturating_duration_since(since));
        match place.count {
            count if count <= self.most => Verdict::Fine,
            count if count == self.most + 1 => Verdict::Last(left),
            _ => Verdict::TooMany(left),
        }
    }
}

/// A machine; of those with very many addresses, the network that it is sure to be alone in. Of this machine, the user.
fn source(from: Peer) -> (IpAddr, Option<u32>) {
    match from {
        Peer::Unix { uid } => (from.ip(), uid),
        Peer::Tcp(address) => match address.ip() {
            IpAddr::V4(ip) => (ip.into(), None),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                ([a, b, c, d, 0, 0, 0, 0].into(), None)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(address: &str) -> Peer {
        Peer::Tcp(address.parse().unwrap())
    }

    #[test]
    fn everybody_has_a_few_in_a_minute() {
        let (failures, start) = (Failures::new(2), Instant::now());
        let note = |peer, seconds| failures.note(peer, start + Duration::from_secs(seconds));
        let a = tcp("10.0.0.7:1");
        assert_eq!([note(a, 0), note(tcp("10.0.0.7:2"), 10)], [Verdict::Fine; 2]);
        assert_eq!(note(a, 20), Verdict::Last(Duration::from_secs(40)));
        assert_eq!(note(a, 59), Verdict::TooMany(Duration::from_secs(1)));
        assert_eq!([note(a, 60), note(a, 61)], [Verdict::Fine; 2], "a minute after the first all are forgotten");
        assert_eq!(note(a, 62), Verdict::Last(Duration::from_secs(58)));
        // Time does not go back, and if it does nothing breaks.
        assert!(matches!(note(a, 0), Verdict::TooMany(_)));
    }

    #[test]
    fn sources_are_machines_networks_and_users() {
        assert_eq!(source(tcp("[2001:db8:1:2::1]:1")), source(tcp("[2001:db8:1:2:3:4:5:6]:9")));
        assert_ne!(source(tcp("[2001:db8:1:2::1]:1")), source(tcp("[2001:db8:1:3::1]:1")));
        assert_ne!(source(tcp("10.0.0.7:1")), source(tcp("10.0.0.8:1")));
        assert_ne!(source(Peer::Unix { uid: Some(1) }), source(Peer::Unix { uid: Some(2) }));
    }

    #[test]
    fn very_many_sources_take_no_more_room() {
        let (failures, start) = (Failures::new(1), Instant::now());
        for number in 0..100_000_u32 {
            failures.note(Peer::Unix { uid: Some(number) }, start);
        }
        assert_eq!(failures.places.lock().unwrap().len(), PLACES);
        assert!(matches!(failures.note(tcp("10.0.0.7:1"), start), Verdict::TooMany(_) | Verdict::Last(_)), "shared");
        let later = start + WINDOW;
        assert_eq!(failures.note(tcp("10.0.0.7:1"), later), Verdict::Fine);
    }
}

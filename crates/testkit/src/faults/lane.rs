//! The faults of one direction, taken together.

use std::time::Duration;

use message::Random;

use super::Fault;

/// What they come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lane {
    delay: Duration,
    jitter: Duration,
    /// Octets per second.
    rate: Option<u64>,
    pub(super) is_blackhole: bool,
    corrupt_at: Vec<u64>,
    corrupt_some: f64,
    /// After so many octets the stream ends, in this way.
    pub(super) end: Option<(u64, Ending)>,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    HalfClose,
    Close,
    Reset,
    Hang,
}

/// When a direction is free for the next piece.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// The piece in front arrives then.
    last: Duration,
}

// === impl Lane ===

impl Lane {
    /// Delays add up; of throttles and of ends, the one that is met first counts.
    pub(super) fn of(faults: &[Fault]) -> Self {
        let mut lane = Self::default();
        for fault in faults {
            match *fault {
                Fault::Delay(delay) => lane.delay += delay,
                Fault::Jitter(jitter) => lane.jitter += jitter,
                Fault::Throttle(rate) => lane.rate = Some(lane.rate.unwrap_or(u64::MAX).min(rate.max(1))),
                Fault::Blackhole => lane.is_blackhole = true,
                Fault::CorruptAt(at) => lane.corrupt_at.push(at),
                Fault::CorruptSome(part) => lane.corrupt_some += part,
                Fault::Reset { after } => lane.ends(after, Ending::Reset),
                Fault::HalfClose { after } => lane.ends(after, Ending::HalfClose),
                Fault::Truncate { after } => lane.ends(after, Ending::Close),
                Fault::Hang { after } => lane.ends(after, Ending::Hang),
            }
        }
        lane
    }

    fn ends(&mut self, after: u64, ending: Ending) {
        if self.end.is_none_or(|(earlier, _)| after < earlier) {
            self.end = Some((after, ending));
        }
    }

    /// The most octets that pass in one piece, so that a throttled stream trickles and does not come in bursts.
    pub(super) fn piece(&self) -> usize {
        const PER_SECOND: u64 = 20;
        self.rate.map_or(usize::MAX, |rate| usize::try_from(rate / PER_SECOND).unwrap_or(usize::MAX).max(1))
    }

    /// When a piece arrives that is sent now.
    pub(super) fn arrival(&self, octets: usize, now: Duration, line: &mut Line, random: &mut Random) -> Duration {
        let jitter = if self.jitter.is_zero() { Duration::ZERO } else { self.jitter.mul_f64(random.fraction()) };
        let takes = self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(octets as f64 / rate as f64));
        line.last = line.last.max(now + self.delay + jitter) + takes;
        line.last
    }

    /// Inverts what is to be inverted of a piece that begins at this place of the stream.
    pub(super) fn corrupt(&self, piece: &mut [u8], start: u64, random: &mut Random) {
        for at in self.corrupt_at.iter().filter_map(|at| at.checked_sub(start)) {
            if let Some(octet) = usize::try_from(at).ok().and_then(|at| piece.get_mut(at)) {
                *octet = !*octet;
            }
        }
        if self.corrupt_some > 0.0 {
            for octet in piece.iter_mut().filter(|_| random.hits(self.corrupt_some)) {
                *octet = !*octet;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn arrivals(faults: &[Fault], pieces: &[(u32, usize)]) -> Vec<u128> {
        let (lane, mut line, mut random) = (Lane::of(faults), Line::default(), Random::seeded(1));
        let arrival = |(at, octets): &(u32, usize)| lane.arrival(*octets, MS * *at, &mut line, &mut random).as_millis();
        pieces.iter().map(arrival).collect()
    }

    #[test]
    fn a_delay_is_the_same_for_all_that_are_sent_at_once() {
        assert_eq!(
            arrivals(&[Fault::Delay(MS * 70), Fault::Delay(MS * 30)], &[(0, 9), (0, 9), (5, 9)]),
            [100, 100, 105]
        );
    }

    #[test]
    fn a_throttle_makes_pieces_wait_for_each_other() {
        assert_eq!(arrivals(&[Fault::Throttle(1000)], &[(0, 100), (0, 100), (500, 50)]), [100, 200, 550]);
        let both = [Fault::Throttle(1000), Fault::Throttle(100), Fault::Delay(MS * 10)];
        assert_eq!(arrivals(&both, &[(0, 10), (0, 10)]), [110, 210]);
        assert_eq!((Lane::of(&both).piece(), Lane::of(&[Fault::Throttle(3)]).piece()), (5, 1));
    }

    #[test]
    fn jitter_differs_and_keeps_the_order() {
        let pieces = [(0, 1); 20];
        let arrivals = arrivals(&[Fault::Jitter(MS * 1000)], &pieces);
        assert!(arrivals.is_sorted() && arrivals[0] < arrivals[19] && arrivals[19] <= 1000, "{arrivals:?}");
    }

    #[test]
    fn the_first_end_is_the_end() {
        let lane = Lane::of(&[Fault::Truncate { after: 9 }, Fault::Reset { after: 3 }, Fault::Hang { after: 5 }]);
        assert_eq!(lane.end, Some((3, Ending::Reset)));
    }

    #[test]
    fn chance_corrupts_the_share_that_was_asked_for() {
        let mut piece = [0; 10_000];
        Lane::of(&[Fault::CorruptSome(0.1)]).corrupt(&mut piece, 0, &mut Random::seeded(1));
        let inverted = piece.iter().filter(|octet| **octet == 0xff).count();
        assert!((900..1100).contains(&inverted), "{inverted}");
    }
}

//! The clock of the open loop.

use std::time::Duration;

use rustix::{
    io::Errno,
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::Instant,
};

use super::board::Board;
use crate::Failure;

/// Requests that are due closer together are released together.
const SHORTEST_TICK: Duration = Duration::from_micros(50);

/// Releases every request at its time; returns when the last one is out and the lanes know that it was.
///
/// The runtime's timers tick in milliseconds, a hundred requests late at a hundred thousand a second: the kernel's do not.
pub(super) async fn release(board: &Board, start: Instant, seconds: Duration, rate: f64) -> Result<(), Failure> {
    let interval = Duration::from_secs_f64(1.0 / rate);
    let total = (rate * seconds.as_secs_f64()) as u64;
    let clock = every(interval.max(SHORTEST_TICK))?;
    // SAFETY: an `OwnedFd` is open, stays so until it is dropped with the `AsyncFd`, and always names the same descriptor.
    let clock = unsafe { AsyncFd::register_with_interest(clock, Interest::READABLE) }?;
    let mut released = 0;
    loop {
        let due = due(start.elapsed(), rate).min(total);
        board.release((due - released) as usize);
        released = due;
        if released == total {
            break;
        }
        let mut ready = clock.readable().await?;
        match rustix::io::read(clock.get_ref(), &mut [0; 8]) {
            Ok(_) => {}
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(error) => return Err(error.into()),
        }
    }
    // One more for each lane: it finds that nothing is left.
    board.release(tokio::sync::Semaphore::MAX_PERMITS / 2);
    Ok(())
}

/// How many requests are due by then: the first one at the start.
fn due(elapsed: Duration, rate: f64) -> u64 {
    (elapsed.as_secs_f64() * rate) as u64 + 1
}

fn every(interval: Duration) -> Result<std::os::fd::OwnedFd, Failure> {
    let clock =
        rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let interval = Timespec { tv_sec: interval.as_secs() as i64, tv_nsec: i64::from(interval.subsec_nanos()) };
    let timer = Itimerspec { it_interval: interval, it_value: interval };
    rustix::time::timerfd_settime(&clock, TimerfdTimerFlags::empty(), &timer)?;
    Ok(clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_the_next_tick() {
        let at = |millis| due(Duration::from_millis(millis), 1000.0);
        assert_eq!([at(0), at(1), at(2), at(1000)], [1, 2, 3, 1001]);
    }
}

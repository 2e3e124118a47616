//! Time that a test can hold in its hands.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::{PATIENCE, within};

/// Time for whoever waits in it: the machine's, or one that stands still until the test moves it on.
///
/// The paused time of tokio would not do here: it runs on whenever nothing but a socket is waited for.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Since this instant.
    Real(Instant),
    Manual(Arc<watch::Sender<State>>),
}

#[derive(Debug, Default)]
struct State {
    now: Duration,
    /// When those who sleep want to be woken.
    sleepers: Vec<Duration>,
}

/// Takes a sleeper off the list, however it ends.
struct Sleeper<'c> {
    state: &'c watch::Sender<State>,
    wakes: Duration,
}

// === impl Clock ===

impl Clock {
    /// The machine's time, from now.
    pub fn real() -> Self {
        Self(Kind::Real(Instant::now()))
    }

    /// A time that stands still, at zero.
    pub fn manual() -> Self {
        Self(Kind::Manual(Arc::new(watch::Sender::new(State::default()))))
    }

    /// How much time has passed since it was made.
    pub fn now(&self) -> Duration {
        match &self.0 {
            Kind::Real(start) => start.elapsed(),
            Kind::Manual(state) => state.borrow().now,
        }
    }

    /// Waits until so much time has passed since the clock was made.
    pub async fn sleep_until(&self, wakes: Duration) {
        match &self.0 {
            Kind::Real(start) => tokio::time::sleep_until(*start + wakes).await,
            Kind::Manual(state) => {
                let mut looking = state.subscribe();
                state.send_modify(|state| state.sleepers.push(wakes));
                let _listed = Sleeper { state, wakes };
                // The sender lives as long as this clock.
                let _ = looking.wait_for(|state| state.now >= wakes).await;
            }
        }
    }

    /// Moves a manual time on.
    ///
    /// # Panics
    /// On the machine's time.
    pub fn advance(&self, by: Duration) {
        self.manual_state().send_modify(|state| state.now += by);
    }

    /// Waits until somebody sleeps in a manual time, and tells how long it is until the first of them wakes.
    ///
    /// # Panics
    /// On the machine's time.
    pub async fn until_next(&self) -> Duration {
        let mut looking = self.manual_state().subscribe();
        let state = within(PATIENCE, looking.wait_for(|state| state.next().is_some())).await;
        state.expect("this clock holds the sender").next().expect("just seen")
    }

    fn manual_state(&self) -> &watch::Sender<State> {
        let Kind::Manual(state) = &self.0 else { panic!("nobody moves the machine's time") };
        state
    }
}

// === impl State ===

impl State {
    /// How long the first sleeper still sleeps. Those whose time has come are about to wake, and may sleep again.
    fn next(&self) -> Option<Duration> {
        let waits = self.sleepers.iter().filter_map(|wakes| wakes.checked_sub(self.now));
        waits.filter(|wait| !wait.is_zero()).min()
    }
}

// === impl Sleeper ===

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.state.send_modify(|state| {
            if let Some(index) = state.sleepers.iter().position(|wakes| *wakes == self.wakes) {
                state.sleepers.swap_remove(index);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn whose_time_has_come_wakes_and_nobody_else() {
        let clock = Clock::manual();
        let sleep = |seconds: u32| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep_until(SECOND * seconds).await })
        };
        let late = sleep(3);
        assert_eq!(clock.until_next().await, SECOND * 3);
        let early = sleep(1);
        while clock.until_next().await != SECOND {
            tokio::task::yield_now().await;
        }
        clock.advance(SECOND);
        within(PATIENCE, early).await.unwrap();
        assert_eq!((clock.until_next().await, clock.now()), (SECOND * 2, SECOND));
        assert!(!late.is_finished());
        clock.advance(SECOND * 2);
        within(PATIENCE, late).await.unwrap();
        clock.sleep_until(SECOND).await;
    }
}

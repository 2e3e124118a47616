//! Blocking queries: asked again and again, each waits for something newer than the one before has told.
//!
//! ```text
//!  index 0 ─▶ answer of index 7 ─▶ (waits) newer than 7 ─▶ answer of index 9 ─▶ (waits) newer than 9 ─▶ …
//!     ▲                                                                             │
//!     └──────────── a failure, or an index that went backward: whatever there is ◀──┘
//! ```

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use upstream::discovery::Failure;

use super::agent::{AT_ONCE, Agent, Question, Said};
use fetch::Backoff;

/// A question that is asked for as long as somebody wants to know.
pub(super) struct Blocking {
    agent: Agent,
    question: Question,
    /// How long it takes at least from one question to the next. What changes more often is told once for several changes.
    between: Duration,
    /// 0: whatever there is is wanted, at once.
    index: u64,
    backoff: Backoff,
    /// When the next question may be asked.
    next: Instant,
}

/// The time between two questions after an answer that has nothing new though it did not wait: something on the way does not
/// know blocking queries.
pub(super) const BETWEEN_SAME: Duration = Duration::from_secs(1);
/// What an agent and the network may take beyond the time that a query waits.
const MARGIN: Duration = Duration::from_secs(5);

// === impl Blocking ===

impl Blocking {
    pub(super) fn new(agent: Agent, question: Question, between: Duration) -> Self {
        Self { agent, question, between, index: 0, backoff: Backoff::by_chance(), next: Instant::now() }
    }

    /// What `read` makes of the next answer. A future that is dropped has asked nothing.
    ///
    /// # Errors
    /// There is no answer, or `read` makes nothing of it. The next one waits for a while, which grows.
    pub(super) async fn next<T>(&mut self, read: impl FnOnce(&Said) -> Result<T, Failure>) -> Result<T, Failure> {
        sleep_until(self.next).await;
        let begun = Instant::now();
        match self.ask(read).await {
            Ok((told, newer)) => {
                self.backoff.succeeded();
                self.next = begun + if newer > self.index { self.between } else { self.between.max(BETWEEN_SAME) };
                // Backward: the agent forgot (it was started anew, or restored), and would wait for what never comes.
                self.index = if newer < self.index { 0 } else { newer };
                Ok(told)
            }
            Err(failure) => {
                self.next = Instant::now() + self.backoff.failed();
                // It may be another agent, or the same with another past, that answers next.
                self.index = 0;
                Err(failure)
            }
        }
    }

    /// What there is newer than the index, and its own index.
    async fn ask<T>(&self, read: impl FnOnce(&Said) -> Result<T, Failure>) -> Result<(T, u64), Failure> {
        let wait = self.agent.settings().wait;
        let bound = match self.index {
            0 => AT_ONCE,
            // Agents wait up to a sixteenth longer, so that not all ask again at once.
            _ => wait + wait / 16 + MARGIN,
        };
        let said = self.agent.ask(&self.question.newer_than(self.index, wait), bound).await?.accepted()?;
        let newer = said.index()?;
        Ok((read(&said)?, newer))
    }
}

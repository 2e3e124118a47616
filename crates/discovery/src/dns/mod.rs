//! Names in the DNS: addresses, and SRV records.
//!
//! ```text
//!          ┌──────────────── when the answer is no longer to be kept ───────────────┐
//!          ▼                                                                        │
//! every candidate of the name ── one exists, or none does ─▶ an answer ─────────────┤
//!          └────────── one cannot be told ─▶ a failure ─ wait, longer each time ────┘
//! ```
//!
//! That a name does not exist is an answer, and an empty one. That nobody could be asked, or that somebody could not tell, is
//! none: what was known goes on being known, for as long as `stale` says. After that, nothing is.

use std::{sync::Arc, time::Duration};

use model::{Dns, DnsService};
use tokio::time::{Instant, sleep};
use upstream::discovery::{Answer, Failure, Flaw, Hear, Watch};

use fetch::Backoff;

/// Whom to ask, under which names.
mod ask;
/// What records come to.
mod found;

use ask::Asker;
use found::Found;

/// Follows one name.
struct Follower {
    asker: Asker,
    service: DnsService,
    least: Duration,
    backoff: Backoff,
    /// When there was an answer, or when the first was asked for.
    answered: Instant,
    stale: Duration,
}

/// However long an answer may be kept: who changes a record should see it taken up before lunch is over.
const LONGEST: Duration = Duration::from_secs(300);
/// What does not exist yet may soon, whatever its zone says about how long to believe that it does not.
const ABSENT_LONGEST: Duration = Duration::from_secs(30);
/// Between two questions, whatever a document says.
const SHORTEST: Duration = Duration::from_millis(10);

pub(crate) fn watch(settings: &Dns, service: &DnsService, hear: Arc<dyn Hear>) -> Watch {
    let follower = Follower {
        asker: Asker::new(settings),
        service: service.clone(),
        least: settings.min_ttl.max(SHORTEST),
        backoff: Backoff::by_chance(),
        answered: Instant::now(),
        stale: settings.stale,
    };
    Box::pin(follower.follow(hear))
}

// === impl Follower ===

impl Follower {
    async fn follow(mut self, hear: Arc<dyn Hear>) {
        loop {
            let asked = self.asker.ask(&self.service).await;
            let pause = match asked {
                Ok(found) => {
                    self.answered = Instant::now();
                    self.pause_after(found, &*hear)
                }
                Err(failure) => {
                    if self.answered.elapsed() < self.stale {
                        hear.failed(failure);
                    } else {
                        self.asker.forget();
                        hear.answered(self.nothing(&failure));
                    }
                    self.backoff.failed()
                }
            };
            sleep(pause).await;
        }
    }

    /// What is known when what was known is too old: an address may be somebody else's by now.
    fn nothing(&self, failure: &Failure) -> Answer {
        let detail = format!("there was no answer for {:?}: {failure}", self.stale);
        Answer { instances: Vec::new(), flaws: vec![Flaw { id: ask::name_of(&self.service).into(), detail }] }
    }

    /// Tells what was found, and says when to ask again.
    fn pause_after(&mut self, found: Found, hear: &dyn Hear) -> Duration {
        let kept = kept(&found, self.least);
        hear.answered(found.answer);
        match found.doubt {
            None => {
                self.backoff.succeeded();
                kept
            }
            Some(doubt) => {
                tracing::debug!(why = %doubt, "a part of an answer of the DNS is what it was before");
                self.backoff.failed().min(kept)
            }
        }
    }
}

/// How long an answer is kept.
fn kept(found: &Found, least: Duration) -> Duration {
    let longest = if found.answer.instances.is_empty() { ABSENT_LONGEST } else { LONGEST };
    found.lasts.unwrap_or(longest).min(longest).max(least)
}

/// What a name comes to, if it can be told.
type Asked<T> = Result<T, Failure>;

#[cfg(test)]
mod tests;

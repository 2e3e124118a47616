//! Keeps one more revision.
//!
//! ```text
//! chunks, under a commit of their own ──▶ if `latest` is the seen one and the chunks are there: meta + latest
//!    ▲                                       │ yes: kept      │ no: somebody else was faster     │ no answer
//!    │                                       ▼                ▼                                  ▼
//!    └── nothing has changed ◀── no ── if the meta is ours: it was kept; if not: take the chunks away ──▶ …
//! ```
//!
//! An answer that does not come may be a transaction that is still on its way. With its chunks it loses what it asks for, so
//! whoever has taken them away knows that it can come to nothing any more. So it is always told what is so.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use etcd::{
    AskError,
    wire::{Compare, DeleteRange, Op, OpAnswer, Put, Range, Txn, TxnAnswer},
};
use revisions::{CommitError, Revision};
use tokio::time::{Instant, sleep, timeout};

use crate::{heard, loader::Shared, stored::Stored};

/// How many tries one commit has: members fail and leaders are elected meanwhile.
const ATTEMPTS: u32 = 3;
/// How long it is asked what became of a transaction. An election takes a second or two.
const ASKING: Duration = Duration::from_secs(20);
/// Between two questions.
const BETWEEN: Duration = Duration::from_millis(250);
/// How long the watch may take to tell of what was kept here.
const TOLD: Duration = Duration::from_secs(5);

/// What came of an attempt.
enum Outcome {
    Kept,
    /// Another revision is the latest.
    Stale(u64),
    /// Nothing has changed, and nothing is in the way of another attempt.
    Nothing(AskError),
}

// === impl Shared ===

impl Shared {
    pub(crate) async fn commit(&self, seen: u64, revision: &Arc<Revision>) -> Result<(), CommitError> {
        let mut failure = None;
        for _ in 0..ATTEMPTS {
            let basis = self.basis(seen)?;
            let (stored, chunks) = Stored::new(revision).map_err(CommitError::Failed)?;
            let writing = Writing::new(self, &stored.commit, revision);
            match self.attempt(&stored, &chunks, basis).await? {
                Outcome::Kept => {
                    self.is_told(&stored, revision).await;
                    drop(writing);
                    return Ok(());
                }
                Outcome::Stale(latest) => return Err(CommitError::Stale(latest)),
                Outcome::Nothing(error) if error.is_open => failure = Some(error.failure),
                Outcome::Nothing(error) => return Err(not_taken(&error)),
            }
        }
        let failure = failure.map_or_else(String::new, |failure| format!(": {failure}"));
        Err(CommitError::Failed(format!("etcd did not keep it in {ATTEMPTS} attempts{failure}; nothing has changed")))
    }

    /// What must be so: the revision that was seen is still the latest. Not only its number, which another store may have come
    /// to.
    fn basis(&self, seen: u64) -> Result<Vec<Compare>, CommitError> {
        let (heard, have) = (self.heard.borrow(), self.have.borrow());
        if !heard.is_read {
            let failure = heard.failure.as_ref().map_or_else(String::new, |failure| format!(": {failure}"));
            return Err(CommitError::Failed(format!("etcd has not answered yet{failure}; nothing has changed")));
        }
        if let Some(why) = have.refused.as_ref().filter(|_| !heard.is_empty()) {
            let (prefix, number) = (self.layout.prefix(), have.revision.as_ref().map_or(0, |had| had.meta.number));
            return Err(CommitError::Failed(format!(
                "what etcd holds is refused: {why}; `etcdctl put {prefix}latest {number}` goes back to what is served"
            )));
        }
        let latest = Compare::revision(self.layout.latest(), 0);
        // Also in a store that was wiped: what is served goes on there, and so do its numbers.
        if seen == 0 || heard.is_empty() && have.revision.as_ref().is_some_and(|had| had.meta.number == seen) {
            return Ok(vec![latest]);
        }
        match heard.meta(seen) {
            Some(Ok(stored)) if heard.latest() == seen => {
                let latest = Compare::value(self.layout.latest(), seen.to_string().into_bytes());
                Ok(vec![latest, Compare::value(self.layout.meta(seen), stored.value())])
            }
            _ => Err(CommitError::Stale(heard.latest())),
        }
    }

    async fn attempt(
        &self,
        stored: &Stored,
        chunks: &[Vec<u8>],
        mut compare: Vec<Compare>,
    ) -> Result<Outcome, CommitError> {
        let number = stored.meta.number;
        let key = |index| self.layout.chunk(number, &stored.commit, index);
        let mut put_at = 0;
        // The first goes last: it is what the transaction looks at.
        for (index, chunk) in chunks.iter().enumerate().rev() {
            match self.members.ask(&Put { key: key(index), value: chunk.clone(), lease: 0 }).await {
                Ok(answer) => put_at = answer.header.map_or(0, |header| header.revision),
                Err(error) => {
                    self.take_away(stored);
                    return Ok(Outcome::Nothing(error));
                }
            }
        }
        compare.push(Compare::revision(key(0), put_at));
        let latest = self.layout.latest();
        let success = vec![
            Op::Put(Put { key: self.layout.meta(number), value: stored.value(), lease: 0 }).into(),
            Op::Put(Put { key: latest.clone(), value: number.to_string().into_bytes(), lease: 0 }).into(),
        ];
        let failure = vec![Op::Range(Range { key: latest, ..Range::default() }).into()];
        match self.members.ask(&Txn { compare, success, failure }).await {
            Ok(answer) if answer.succeeded => Ok(Outcome::Kept),
            Ok(answer) => {
                self.take_away(stored);
                Ok(Outcome::Stale(latest_in(&answer)))
            }
            Err(error) if error.is_open => self.what_became(stored, error).await,
            Err(error) => {
                self.take_away(stored);
                Ok(Outcome::Nothing(error))
            }
        }
    }

    /// What became of a transaction that nobody answered; nothing more, if it was not kept.
    async fn what_became(&self, stored: &Stored, error: AskError) -> Result<Outcome, CommitError> {
        let number = stored.meta.number;
        let chunks = self.layout.document(number, &stored.commit);
        let question = Txn {
            compare: vec![Compare::value(self.layout.meta(number), stored.value())],
            success: Vec::new(),
            failure: vec![
                Op::Delete(DeleteRange { key: chunks.start, range_end: chunks.end }).into(),
                Op::Range(Range { key: self.layout.latest(), ..Range::default() }).into(),
            ],
        };
        let until = Instant::now() + ASKING;
        loop {
            match self.members.ask(&question).await {
                Ok(answer) if answer.succeeded => return Ok(Outcome::Kept),
                Ok(answer) => {
                    let latest = latest_in(&answer);
                    let is_stale = latest >= number;
                    return Ok(if is_stale { Outcome::Stale(latest) } else { Outcome::Nothing(error) });
                }
                Err(again) if Instant::now() >= until => {
                    return Err(CommitError::Unknown(format!(
                        "etcd stopped answering while revision {number} was written, so that nobody knows whether it was \
                         kept: {}; look at the history once it answers",
                        again.failure
                    )));
                }
                Err(_) => sleep(BETWEEN).await,
            }
        }
    }

    /// Waits until what was kept here is the newest here, or is no more.
    async fn is_told(&self, stored: &Stored, revision: &Arc<Revision>) {
        let number = stored.meta.number;
        let mut have = self.have.subscribe();
        let is_there = |have: &crate::loader::Have| {
            have.commit.as_ref() == Some(&stored.commit)
                || have.revision.as_ref().is_some_and(|revision| revision.meta.number > number)
        };
        if timeout(TOLD, have.wait_for(is_there)).await.is_err() {
            // The watch is late; what it tells once it is back counts.
            self.have(revision.clone(), stored.commit.clone());
        }
    }

    /// Takes the chunks of an attempt away that came to nothing, without waiting for it. If that fails, those who tidy up do it.
    fn take_away(&self, stored: &Stored) {
        let (members, chunks) = (self.members.clone(), self.layout.document(stored.meta.number, &stored.commit));
        tokio::spawn(
            async move { members.ask(&DeleteRange { key: chunks.start, range_end: chunks.end }).await.map(drop) },
        );
    }

    /// Forgets what is too old, and chunks of attempts that nobody took away.
    pub(crate) async fn tidy(&self, number: u64, most: u64) -> Result<(), AskError> {
        let oldest = (number + 1).saturating_sub(most);
        let heard = self.heard.borrow().meta(number).cloned();
        let mut ranges = vec![self.layout.metas(0..oldest), self.layout.documents(0..oldest)];
        if let Some(Ok(stored)) = heard {
            let (all, ours) = (self.layout.documents(number..number + 1), self.layout.document(number, &stored.commit));
            ranges.extend([all.start..ours.start, ours.end..all.end]);
        }
        let delete =
            |range: std::ops::Range<Vec<u8>>| Op::Delete(DeleteRange { key: range.start, range_end: range.end }).into();
        let success = ranges.into_iter().map(delete).collect();
        self.members.ask(&Txn { compare: Vec::new(), success, failure: Vec::new() }).await.map(drop)
    }
}

/// The number of the latest revision, as a transaction that did nothing found it.
fn latest_in(answer: &TxnAnswer) -> u64 {
    let found = answer.responses.iter().find_map(|response| match &response.answer {
        Some(OpAnswer::Range(found)) => found.kvs.first(),
        _ => None,
    });
    found.and_then(|kv| heard::number(&kv.value).ok()).unwrap_or(0)
}

fn not_taken(error: &AskError) -> CommitError {
    CommitError::Failed(format!("etcd does not take it: {}; nothing has changed", error.failure))
}

/// Holds a revision where the loader finds it, for as long as it is being written.
struct Writing<'a> {
    shared: &'a Shared,
    commit: String,
}

// === impl Writing ===

impl<'a> Writing<'a> {
    fn new(shared: &'a Shared, commit: &str, revision: &Arc<Revision>) -> Self {
        let mut written = shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(commit.to_owned(), revision.clone());
        Self { shared, commit: commit.to_owned() }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.shared.written.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.commit);
    }
}

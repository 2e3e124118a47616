//! Reads and watches.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::ready,
    ops::Range,
    time::Duration,
};

use fetch::Backoff;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout_at};
use upstream::discovery::Failure;

use super::{Entry, Follower, Keys};
use crate::{
    CallError, Members, Session,
    channel::Conversation,
    wire::{self, Event, RangeAnswer, Watch, WatchAnswer, WatchCreate, WatchProgress, WatchRequest},
};

/// The keys that begin with some octets, and who has them.
pub struct Prefix {
    members: Members,
    /// From here, to but not including there.
    from: Vec<u8>,
    to: Vec<u8>,
    backoff: Backoff,
}

/// A watch that a member keeps.
struct Watching {
    conversation: Conversation<Watch>,
    ask: Interval,
    /// When the member said something last.
    heard: Instant,
    /// What came of an answer that is not whole yet.
    parts: Vec<Event>,
}

/// Keys that are read at a time, so that no answer grows with the prefix.
const PAGE: i64 = 200;
/// How often a member is asked whether the watch still lives.
const ASKING: Duration = Duration::from_secs(4);
/// How long a watch may say nothing: two questions may get lost. With [`ASKING`] and what it takes to connect, somebody
/// else is asked within 15 s.
const SILENCE: Duration = Duration::from_secs(12);
/// Answers that are told together if they are there together.
const TOGETHER: usize = 256;

// === impl Prefix ===

impl Prefix {
    pub fn new(members: Members, prefix: impl Into<Vec<u8>>, backoff: Backoff) -> Self {
        let (from, to) = span(prefix.into());
        Self { members, from, to, backoff }
    }

    /// The keys of a range instead of those with a prefix.
    pub fn between(members: Members, keys: Range<Vec<u8>>, backoff: Backoff) -> Self {
        Self { members, from: keys.start, to: keys.end, backoff }
    }

    /// Tells `follower` what there is and what becomes of it, for as long as the future lives.
    pub async fn follow(mut self, follower: &mut dyn Follower) -> Infallible {
        let mut keys = Keys::default();
        loop {
            if let Err(failure) = self.keep_up(&mut keys, follower).await {
                follower.failed(failure);
            }
            // Also if something was compacted, so that a member for whom everything is, is not asked without end.
            sleep(self.backoff.failed()).await;
        }
    }

    /// Reads all and watches until that ends; not with an error if all is to be read again just because of a compaction.
    async fn keep_up(&mut self, keys: &mut Keys, follower: &mut dyn Follower) -> Result<(), Failure> {
        let session = self.members.session().await?;
        let error = match self.tell(&session, keys, follower).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if error.is_compacted() {
            return Ok(());
        }
        self.members.lost(&session);
        Err(session.failure(&error))
    }

    async fn tell(
        &mut self,
        session: &Session,
        keys: &mut Keys,
        follower: &mut dyn Follower,
    ) -> Result<Infallible, CallError> {
        let (revision, read) = self.read(session).await?;
        self.backoff.succeeded();
        let changed = keys.replace(revision, read);
        follower.changed(keys, &changed);
        let mut watch = self.watch(session, revision).await?;
        loop {
            let mut changed = BTreeSet::new();
            keys.apply(revision, watch.next().await?, &mut changed);
            let rest = watch.rest(|events| keys.apply(revision, events, &mut changed)).await;
            // Also if the watch ended behind it: the next reading tells the difference to this.
            if !changed.is_empty() {
                follower.changed(keys, &changed);
            }
            rest?;
        }
    }

    /// What comes behind a reading at `revision`.
    ///
    /// It is asked for from the revision that was read, whose events are dropped, and not from the one behind it: many
    /// versions of etcd forget a deletion that is compacted at its own revision and say nothing to who watches from there
    /// (etcd's issue 18089). Asked from here they say that the beginning is gone, and all is read again.
    async fn watch(&self, session: &Session, revision: i64) -> Result<Watching, CallError> {
        let (key, range_end) = (self.from.clone(), self.to.clone());
        Watching::begin(session, WatchCreate { key, range_end, start_revision: revision, fragment: true }).await
    }

    /// Everything, as it was at one revision.
    async fn read(&self, session: &Session) -> Result<(i64, BTreeMap<Vec<u8>, Entry>), CallError> {
        let (mut read, mut key, mut revision) = (BTreeMap::new(), self.from.clone(), 0);
        loop {
            let page = wire::Range { key, range_end: self.to.clone(), limit: PAGE, revision, keys_only: false };
            let RangeAnswer { header, kvs, more } = session.ask(&page).await?;
            if revision == 0 {
                revision = header.map_or(0, |header| header.revision);
            }
            let last = kvs.last().map(|kv| kv.key.clone());
            read.extend(kvs.into_iter().map(Into::into));
            match last {
                _ if revision == 0 => return Err(CallError::Malformed("an answer without a revision".to_owned())),
                Some(last) if more => key = after(last),
                _ => return Ok((revision, read)),
            }
        }
    }
}

// === impl Watching ===

impl Watching {
    async fn begin(session: &Session, create: WatchCreate) -> Result<Self, CallError> {
        let first = Watch { request: Some(WatchRequest::Create(create)) };
        let conversation = session.converse(&first).await?;
        let now = Instant::now();
        let mut ask = interval_at(now + ASKING, ASKING);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { conversation, ask, heard: now, parts: Vec::new() })
    }

    /// The next events; none, if the member says only that the watch lives.
    async fn next(&mut self) -> Result<Vec<Event>, CallError> {
        loop {
            let answer = tokio::select! {
                answer = timeout_at(self.heard + SILENCE, self.conversation.next()) => match answer {
                    Ok(answer) => answer?,
                    Err(_) => return Err(CallError::Late(SILENCE)),
                },
                _ = self.ask.tick() => {
                    self.conversation.say(&Watch { request: Some(WatchRequest::Progress(WatchProgress {})) });
                    continue;
                }
            };
            if let Some(events) = self.heard(answer)? {
                return Ok(events);
            }
        }
    }

    /// Takes the events that have come already.
    async fn rest(&mut self, mut take: impl FnMut(Vec<Event>)) -> Result<(), CallError> {
        for _ in 1..TOGETHER {
            match self.next_if_there().await? {
                Some(events) => take(events),
                None => break,
            }
        }
        Ok(())
    }

    /// The next events that have come already.
    async fn next_if_there(&mut self) -> Result<Option<Vec<Event>>, CallError> {
        let answer = tokio::select! {
            biased;
            answer = self.conversation.next() => answer?,
            () = ready(()) => return Ok(None),
        };
        Ok(Some(self.heard(answer)?.unwrap_or_default()))
    }

    /// The events, once they are whole.
    fn heard(&mut self, answer: WatchAnswer) -> Result<Option<Vec<Event>>, CallError> {
        self.heard = Instant::now();
        if answer.compact_revision > 0 {
            return Err(CallError::Compacted);
        }
        if answer.canceled {
            return Err(CallError::cancelled(&answer.cancel_reason));
        }
        self.parts.extend(answer.events);
        Ok((!answer.fragment).then(|| std::mem::take(&mut self.parts)))
    }
}

/// The range of the keys that begin with `prefix`, as etcd has it.
fn span(prefix: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let mut to = prefix.clone();
    // What is behind all of them: the last octet that can be is one more, and what follows it is left out.
    while let Some(last) = to.pop() {
        if last < u8::MAX {
            to.push(last + 1);
            return (prefix, to);
        }
    }
    // There is nothing behind. A key is not empty, and a zero as the end means that there is none.
    (if prefix.is_empty() { vec![0] } else { prefix }, vec![0])
}

/// The first key that can be behind this one.
fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_hold_what_begins_with_the_prefix() {
        for (prefix, from, to) in [
            (&b"/a/"[..], &b"/a/"[..], &b"/a0"[..]),
            (b"a\xff", b"a\xff", b"b"),
            (b"\xff\xff", b"\xff\xff", b"\0"),
            (b"", b"\0", b"\0"),
        ] {
            assert_eq!(span(prefix.to_vec()), (from.to_vec(), to.to_vec()), "{prefix:?}");
        }
    }

    /// What is not reached by readings that a watch follows at once, unless a compaction comes in between.
    #[tokio::test]
    async fn a_compaction_is_told_apart() {
        let etcd = testkit::etcd::Member::start().await;
        let mut api = etcd.api().await;
        api.put("/a", "1").await;
        let revision = api.put("/a", "2").await;
        api.compact(revision).await;
        let session = crate::tests::members(etcd.address).session().await.unwrap();
        let (key, range_end) = span(b"/".to_vec());
        let create = WatchCreate { key: key.clone(), range_end, start_revision: 1, fragment: true };
        let mut watching = Watching::begin(&session, create).await.unwrap();
        let error = end(&mut watching).await;
        assert!(error.is_compacted(), "{error:?}");
        let page = wire::Range { key, revision: 1, ..wire::Range::default() };
        let error = session.ask(&page).await.unwrap_err();
        assert!(error.is_compacted(), "{error:?}");
    }

    #[tokio::test]
    async fn a_deletion_that_is_compacted_before_it_is_watched_is_not_lost() {
        let etcd = testkit::etcd::Member::start().await;
        let mut api = etcd.api().await;
        api.put("/a", "1").await;
        let members = crate::tests::members(etcd.address);
        let session = members.session().await.unwrap();
        let prefix = Prefix::new(members, "/", Backoff::new(message::Random::seeded(1)));
        let (revision, read) = prefix.read(&session).await.unwrap();
        assert_eq!(read.len(), 1);

        api.delete("/a").await;
        let deleted = api.revision().await;
        api.compact(deleted).await;

        let error = end(&mut prefix.watch(&session, revision).await.unwrap()).await;
        assert!(error.is_compacted(), "{error:?}");
    }

    /// Why it ends. First it says that it was made.
    async fn end(watching: &mut Watching) -> CallError {
        let ended = async {
            loop {
                match watching.next().await {
                    Ok(events) => assert_eq!(events, []),
                    Err(error) => break error,
                }
            }
        };
        testkit::within(Duration::from_secs(60), ended).await
    }
}

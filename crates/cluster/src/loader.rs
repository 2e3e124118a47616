//! Fetches the newest revision.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use etcd::{AskError, Members, wire};
use fetch::Backoff;
use revisions::Revision;
use tokio::{
    sync::{oneshot, watch},
    time::sleep,
};

use crate::{
    heard::{Heard, Wanted},
    layout::Layout,
    stored::Stored,
};

/// What tasks and callers have in common.
pub(crate) struct Shared {
    pub(crate) members: Members,
    pub(crate) layout: Layout,
    pub(crate) heard: watch::Sender<Heard>,
    pub(crate) have: watch::Sender<Have>,
    /// The number of what is there, told whenever it is another.
    pub(crate) changed: watch::Sender<u64>,
    /// What is being written here, by commit: it need not be fetched.
    pub(crate) written: Mutex<BTreeMap<String, Arc<Revision>>>,
}

/// What is here.
#[derive(Debug, Default)]
pub(crate) struct Have {
    pub(crate) revision: Option<Arc<Revision>>,
    /// Which commit it came of, if it came of etcd.
    pub(crate) commit: Option<String>,
    /// Whether etcd was ever asked with success.
    pub(crate) is_settled: bool,
    /// Why what etcd holds is not what is here.
    pub(crate) refused: Option<String>,
}

/// Chunks that are asked for at a time.
const PAGE: i64 = 8;

/// Keeps up with what is to be in force, for as long as the future lives.
pub(crate) async fn load(shared: Arc<Shared>) {
    let mut heard = shared.heard.subscribe();
    let mut backoff = Backoff::by_chance();
    loop {
        let wanted = heard.borrow_and_update().wanted();
        let pause = match shared.settle(wanted).await {
            Ok(()) => {
                backoff.succeeded();
                None
            }
            Err(error) => {
                tracing::debug!(failure = %error.failure, "the newest revision cannot be fetched; it is tried again");
                Some(backoff.failed())
            }
        };
        tokio::select! {
            // Its sender is in what is shared.
            _ = heard.changed() => {}
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
    }
}

/// Does what may take a while on a thread of its own: those of the runtime may all wait for what comes of it.
async fn aside<T: Send + 'static>(
    is_long: bool,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    if !is_long {
        return work();
    }
    let (done, result) = oneshot::channel();
    let begun = scheduling::background("revision", move || {
        // Whoever waited for it may be gone.
        _ = done.send(work());
    });
    begun.map_err(|error| error.to_string())?;
    result.await.unwrap_or_else(|_| Err("its document made the reader panic".to_owned()))
}

// === impl Have ===

impl Have {
    /// Whether it is the one that is stored there.
    fn is(&self, stored: &Stored) -> bool {
        // A foreign hand may have copied the meta of one commit to another number.
        self.commit.as_ref() == Some(&stored.commit)
            && self.revision.as_ref().is_some_and(|revision| revision.meta == stored.meta)
    }
}

// === impl Shared ===

impl Shared {
    async fn settle(&self, wanted: Wanted) -> Result<(), AskError> {
        match wanted {
            Wanted::Unknown => {}
            Wanted::Nothing => {
                let prefix = self.layout.prefix();
                self.have.send_modify(|have| {
                    have.is_settled = true;
                    have.refused = have.revision.as_ref().map(|revision| {
                        let number = revision.meta.number;
                        format!("etcd holds no revision below `{prefix}`; revision {number}, of before, stays")
                    });
                });
            }
            Wanted::Unreadable(why) => self.refuse(why),
            Wanted::Revision(stored) => self.fetch_newest(&stored).await?,
        }
        Ok(())
    }

    async fn fetch_newest(&self, stored: &Arc<Stored>) -> Result<(), AskError> {
        if self.have.borrow().is(stored) {
            self.have.send_modify(|have| have.refused = None);
            return Ok(());
        }
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).get(&stored.commit).cloned();
        let read = match written {
            Some(revision) => Ok(revision),
            None => self.fetch(stored).await?,
        };
        match read {
            Ok(revision) => self.have(revision, stored.commit.clone()),
            Err(why) => self.refuse(format!("revision {}: {why}", stored.meta.number)),
        }
        Ok(())
    }

    /// This is the newest.
    pub(crate) fn have(&self, revision: Arc<Revision>, commit: String) {
        let number = revision.meta.number;
        let is_new = self.have.borrow().revision.as_ref() != Some(&revision);
        self.have.send_modify(|have| {
            if is_new {
                have.revision = Some(revision);
            }
            have.commit = Some(commit);
            have.is_settled = true;
            have.refused = None;
        });
        if is_new {
            self.changed.send_replace(number);
        }
    }

    fn refuse(&self, why: String) {
        if self.have.borrow().refused.as_ref() == Some(&why) {
            return;
        }
        tracing::warn!(why, "what etcd holds is refused; the last good revision stays");
        self.have.send_modify(|have| {
            have.is_settled = true;
            have.refused = Some(why);
        });
    }

    /// The revision with its document, or why it makes none.
    pub(crate) async fn fetch(&self, stored: &Arc<Stored>) -> Result<Result<Arc<Revision>, String>, AskError> {
        let chunks = self.values(self.layout.document(stored.meta.number, &stored.commit)).await?;
        let (is_long, stored, known) = (chunks.len() > 1, stored.clone(), self.have.borrow().revision.clone());
        Ok(aside(is_long, move || stored.revision(&chunks, known.as_deref())).await.map(Arc::new))
    }

    /// The values of a range, in the order of its keys.
    async fn values(&self, Range { start, end }: Range<Vec<u8>>) -> Result<Vec<Vec<u8>>, AskError> {
        let (mut values, mut key) = (Vec::new(), start);
        loop {
            let page = wire::Range { key, range_end: end.clone(), limit: PAGE, ..wire::Range::default() };
            let answer = self.members.ask(&page).await?;
            let last = answer.kvs.last().map(|kv| kv.key.clone());
            values.extend(answer.kvs.into_iter().map(|kv| kv.value));
            match last {
                Some(mut last) if answer.more => {
                    last.push(0);
                    key = last;
                }
                _ => return Ok(values),
            }
        }
    }
}

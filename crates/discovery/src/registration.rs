//! The gateway's own entry in registries: made once it serves, kept alive, and gone before it drains.
//!
//! ```text
//! start ─▶ renew ─every third of the ttl─▶ renew ─▶ … ─▶ leave ─▶ taken out
//!            ▲                               │
//!            └── failed: sooner than usual ──┘
//! ```

use std::{future::Future, time::Duration};

use ::etcd::Members;
use fetch::Backoff;
use model::Registration;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use upstream::discovery::{Failure, FailureKind};

use crate::{consul, etcd, eureka};

/// The entry of the gateway in one registry: what an implementation is asked for.
pub(crate) trait Entry: Send + 'static {
    /// What the registry is called in documents, for logs.
    const REGISTRY: &'static str;

    /// Sees to it that the registry believes in the gateway for another `ttl`: registers it, or says that it is still there.
    /// Called at least three times per `ttl`.
    ///
    /// An entry that the registry has forgotten is made anew here, in the same call.
    ///
    /// # Errors
    /// The registry does not have it now. Called again after a while.
    fn renew(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Takes the entry out. Called once, at the end, if a renewal may have got through.
    ///
    /// # Errors
    /// The entry may still be there, and is so until its `ttl` is over.
    fn leave(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The gateway's entries in all registries that a document names. Dropped, they are left to their `ttl`.
pub struct Entries {
    leaving: watch::Sender<bool>,
    kept: JoinSet<()>,
}

/// What was logged last of an entry: that it is there, or why not. Logs say what changed, not what goes on.
#[derive(Default)]
struct Told(Option<Result<(), Failure>>);

/// How many times an entry is renewed within its `ttl`: two renewals may get lost.
const RENEWALS: u32 = 3;
/// What a renewal may take. A registry that says nothing must not keep a drain waiting: it waits for this and for the next.
const RENEWING: Duration = Duration::from_secs(3);
/// What taking an entry out may take.
const LEAVING: Duration = Duration::from_secs(5);

// === impl Entries ===

impl Entries {
    /// Makes the entries that `registration` asks for, and keeps them alive. Needs a runtime.
    pub fn start(registries: &model::Registries, registration: &Registration) -> Self {
        let (leaving, left) = watch::channel(false);
        let mut entries = Self { leaving, kept: JoinSet::new() };
        if registration.consul {
            let entry = consul::Entry::new(&registries.consul, registration);
            entries.kept.spawn(keep(entry, registration.ttl, Backoff::by_chance(), left.clone()));
        }
        if registration.etcd {
            let entry = etcd::OwnEntry::new(Members::new(registries.etcd.clone()), registration);
            entries.kept.spawn(keep(entry, registration.ttl, Backoff::by_chance(), left.clone()));
        }
        if registration.eureka {
            let entry = eureka::Entry::new(&registries.eureka, registration);
            entries.kept.spawn(keep(entry, registration.ttl, Backoff::by_chance(), left));
        }
        entries
    }

    /// Takes all entries out, and waits for it: at most a few seconds, whatever registries say.
    pub async fn leave(mut self) {
        self.leaving.send_replace(true);
        while self.kept.join_next().await.is_some() {}
    }
}

/// Keeps one entry alive until `leaving` says to take it out.
async fn keep<E: Entry>(mut entry: E, ttl: Duration, mut backoff: Backoff, mut leaving: watch::Receiver<bool>) {
    let every = ttl / RENEWALS;
    let mut told = Told::default();
    loop {
        let begun = Instant::now();
        // Not broken off by the end: what was sent already must not arrive after the entry was taken out.
        let renewed = timeout(RENEWING, entry.renew()).await.unwrap_or_else(|_| Err(late(RENEWING)));
        let pause = match &renewed {
            Ok(()) => {
                backoff.succeeded();
                every.saturating_sub(begun.elapsed())
            }
            Err(_) => backoff.failed().min(every),
        };
        told.renewed(E::REGISTRY, renewed);
        tokio::select! {
            () = sleep(pause) => {}
            () = left(&mut leaving) => break,
        }
    }
    match timeout(LEAVING, entry.leave()).await.unwrap_or_else(|_| Err(late(LEAVING))) {
        Ok(()) => tracing::info!(registry = E::REGISTRY, "the gateway is no longer registered"),
        Err(failure) => {
            tracing::warn!(registry = E::REGISTRY, %failure, ?ttl, "the gateway stays registered until its ttl is over");
        }
    }
}

/// Returns once the entry is to be taken out; not if nobody can say so any more: then the task ends with its set.
async fn left(leaving: &mut watch::Receiver<bool>) {
    if leaving.wait_for(|is_leaving| *is_leaving).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn late(bound: Duration) -> Failure {
    Failure::new(FailureKind::Unreachable, format!("no answer within {bound:?}"))
}

// === impl Told ===

impl Told {
    fn renewed(&mut self, registry: &'static str, now: Result<(), Failure>) {
        let now = Some(now);
        if self.0 == now {
            return;
        }
        match &now {
            Some(Err(failure)) => {
                tracing::warn!(registry, %failure, "the gateway cannot be registered; it is tried again");
            }
            _ => tracing::info!(registry, "the gateway is registered"),
        }
        self.0 = now;
    }
}

//! The members of a cluster, any of which may be asked.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Mutex;
use upstream::discovery::{Failure, FailureKind};

use super::session::Session;

/// Who is asked, and how. Cheap to clone; clones share one connection, to one member at a time.
#[derive(Clone)]
pub struct Members(Arc<Shared>);

struct Shared {
    settings: model::Etcd,
    now: Mutex<Now>,
    /// Attempts to connect that are over.
    attempts: AtomicU64,
}

#[derive(Default)]
struct Now {
    session: Option<Session>,
    /// The member to be tried first.
    first: usize,
    /// What the last attempt came to, if it failed.
    failure: Option<Failure>,
}

// === impl Members ===

impl Members {
    /// Nothing is connected, and no file read, before the first question.
    pub fn new(settings: model::Etcd) -> Self {
        Self(Arc::new(Shared { settings, now: Mutex::default(), attempts: AtomicU64::new(0) }))
    }

    /// The session that everybody has, or a new one with the first member that takes it.
    ///
    /// # Errors
    /// None does, or one does not take the credentials: the others would not take them either.
    pub(super) async fn session(&self) -> Result<Session, Failure> {
        let before = self.0.attempts.load(Ordering::Acquire);
        let mut now = self.0.now.lock().await;
        if let Some(session) = &now.session {
            return Ok(session.clone());
        }
        // Who waited for somebody else's attempt shares what came of it, and does not make a queue of attempts.
        if let (true, Some(failure)) = (before != self.0.attempts.load(Ordering::Acquire), &now.failure) {
            return Err(failure.clone());
        }
        let opened = self.open(now.first).await;
        self.0.attempts.fetch_add(1, Ordering::Release);
        now.failure = opened.as_ref().err().cloned();
        let (index, session) = opened?;
        now.first = index;
        now.session = Some(session.clone());
        Ok(session)
    }

    /// A session is of no use any more: whoever asks next gets another, with another member if there is one.
    pub(super) async fn lost(&self, session: &Session) {
        let mut now = self.0.now.lock().await;
        if now.session.as_ref().is_some_and(|current| current.is(session)) {
            now.session = None;
            now.first += 1;
        }
    }

    async fn open(&self, first: usize) -> Result<(usize, Session), Failure> {
        let settings = &self.0.settings;
        let count = settings.endpoints.len();
        let mut failures: Vec<Failure> = Vec::new();
        for index in (first..first + count).map(|index| index % count) {
            match Session::open(settings, &settings.endpoints[index]).await {
                Ok(session) => return Ok((index, session)),
                Err(failure) if failure.kind == FailureKind::Denied => return Err(failure),
                Err(failure) => failures.push(failure),
            }
        }
        Err(together(&failures))
    }
}

/// What it comes to when all members fail.
fn together(failures: &[Failure]) -> Failure {
    let Some((first, others)) = failures.split_first() else {
        return Failure::new(FailureKind::Unreachable, "no member of etcd is known");
    };
    let mut all = first.clone();
    for other in others {
        // Writing to a string does not fail.
        _ = write!(all.detail, "; {}", other.detail);
    }
    all
}

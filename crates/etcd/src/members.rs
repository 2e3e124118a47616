//! The members of a cluster, any of which may be asked.

use std::{
    fmt::Write,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use upstream::discovery::{Failure, FailureKind};

use super::{session::Session, wire::Ask};

/// Who is asked, and how. Cheap to clone; clones share one connection, to one member at a time.
#[derive(Clone)]
pub struct Members(Arc<Shared>);

struct Shared {
    settings: model::Etcd,
    now: Mutex<Now>,
    /// Held by whoever connects: the others wait for what comes of it.
    connecting: tokio::sync::Mutex<()>,
}

struct Now {
    session: Option<Session>,
    /// The member to be tried first.
    first: usize,
    /// Attempts to connect that are over.
    attempts: u64,
    /// What the last one came to, if it failed.
    failure: Option<Failure>,
}

/// Why a question has no answer.
#[derive(Debug, Clone)]
pub struct AskError {
    pub failure: Failure,
    /// Whether what was asked for may have been done all the same, or still be.
    pub is_open: bool,
}

// === impl Members ===

impl Members {
    /// Nothing is connected, and no file read, before the first question. Which member is asked first is left to chance, so
    /// that not all gateways ask the same.
    pub fn new(settings: model::Etcd) -> Self {
        let first = RandomState::new().hash_one(0) as usize % settings.endpoints.len().max(1);
        let now = Mutex::new(Now { session: None, first, attempts: 0, failure: None });
        Self(Arc::new(Shared { settings, now, connecting: tokio::sync::Mutex::default() }))
    }

    /// Asks once, whoever takes it. A member that does not answer is left for another the next time.
    ///
    /// # Errors
    /// There is no answer, or it is no.
    pub async fn ask<Q: Ask>(&self, question: &Q) -> Result<Q::Answer, AskError> {
        let session = self.session().await.map_err(|failure| AskError { failure, is_open: false })?;
        session.ask(question).await.map_err(|error| {
            let is_open = !error.is_refusal();
            if is_open {
                self.lost(&session);
            }
            AskError { failure: session.failure(&error), is_open }
        })
    }

    /// The session that everybody has, or a new one with the first member that takes it.
    ///
    /// # Errors
    /// None does, or one does not take the credentials: the others would not take them either.
    pub async fn session(&self) -> Result<Session, Failure> {
        let before = self.now().attempts;
        if let Some(session) = self.now().session.clone() {
            return Ok(session);
        }
        let _connecting = self.0.connecting.lock().await;
        // Who waited for somebody else's attempt shares what came of it, and does not make a queue of attempts.
        let first = match &*self.now() {
            Now { session: Some(session), .. } => return Ok(session.clone()),
            Now { attempts, failure: Some(failure), .. } if *attempts != before => return Err(failure.clone()),
            now => now.first,
        };
        let opened = self.open(first).await;
        let mut now = self.now();
        now.attempts += 1;
        now.failure = opened.as_ref().err().cloned();
        let (index, session) = opened?;
        now.first = index;
        now.session = Some(session.clone());
        Ok(session)
    }

    /// A session is of no use any more: whoever asks next gets another, with another member if there is one.
    pub fn lost(&self, session: &Session) {
        let mut now = self.now();
        if now.session.as_ref().is_some_and(|current| current.is(session)) {
            now.session = None;
            now.first += 1;
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, first: usize) -> Result<(usize, Session), Failure> {
        let settings = &self.0.settings;
        let count = settings.endpoints.len();
        let mut failures: Vec<Failure> = Vec::new();
        for index in (first..first + count).map(|index| index % count) {
            // Whoever gives up waiting here has the next one tried the next time.
            self.now().first = index + 1;
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

//! Load in the background, for what must not disturb anybody: reloads, renewals, drains.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use http::{Method, StatusCode, header};
use tokio::task::JoinSet;

use super::{Client, request};
use crate::eventually;

/// Connections that ask one thing after the other until they are told to stop.
#[derive(Debug)]
pub struct Load {
    workers: JoinSet<Tally>,
    shared: Arc<Shared>,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Whole answers with status 200.
    pub answers: u64,
    /// Connections that the peer ended in order between two requests.
    pub reconnects: u64,
    /// Everything else, in words.
    pub failures: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: AtomicU64,
    stopped: AtomicBool,
}

// === impl Load ===

impl Load {
    /// Asks for `target` over so many connections at the same time, each opened by `connect`.
    pub fn start<C, F>(connections: usize, target: &str, connect: C) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Client> + Send + 'static,
    {
        let shared = Arc::<Shared>::default();
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            workers.spawn(work(Arc::clone(&shared), target.to_owned(), connect.clone()));
        }
        Self { workers, shared }
    }

    /// Waits until so many more answers have come, as a measure of time that a busy machine does not shorten.
    ///
    /// # Panics
    /// When they do not come in time.
    pub async fn more(&self, answers: u64) {
        let enough = self.shared.answers.load(Ordering::Relaxed) + answers;
        eventually("more answers", async || (self.shared.answers.load(Ordering::Relaxed) >= enough).then_some(()))
            .await;
    }

    /// Lets every connection finish its request, and adds up.
    pub async fn stop(self) -> Tally {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.workers.join_all().await.into_iter().fold(Tally::default(), Tally::plus)
    }
}

async fn work<C, F>(shared: Arc<Shared>, target: String, connect: C) -> Tally
where
    C: Fn() -> F,
    F: Future<Output = Client>,
{
    let mut tally = Tally::default();
    let mut client = connect().await;
    while !shared.stopped.load(Ordering::Relaxed) {
        if !client.is_ready().await {
            tally.reconnects += 1;
            client = connect().await;
            continue;
        }
        match client.try_fetch(request(Method::GET, &target)).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                tally.answers += 1;
                shared.answers.fetch_add(1, Ordering::Relaxed);
                if answer.headers.get(header::CONNECTION).is_some_and(|value| value == "close") {
                    tally.reconnects += 1;
                    client = connect().await;
                }
            }
            Ok(answer) => tally.failures.push(format!("{}: {}", answer.status, answer.body.escape_ascii())),
            Err(error) => {
                tally.failures.push(format!("{error:?}"));
                client = connect().await;
            }
        }
    }
    tally
}

// === impl Tally ===

impl Tally {
    /// The answers, when nothing failed.
    ///
    /// # Panics
    /// When something did, or nothing was answered at all.
    #[track_caller]
    pub fn unharmed(&self) -> u64 {
        let first = &self.failures[..self.failures.len().min(5)];
        assert!(self.failures.is_empty(), "{} failed beside {} answers: {first:#?}", self.failures.len(), self.answers);
        assert_ne!(self.answers, 0, "nothing was answered at all");
        self.answers
    }

    fn plus(mut self, other: Self) -> Self {
        self.answers += other.answers;
        self.reconnects += other.reconnects;
        self.failures.extend(other.failures);
        self
    }
}

//! What all watches share: what is known, and whose turn it is to ask.

use std::{sync::Arc, time::Duration};

use http::{Method, StatusCode};
use model::{Eureka, EurekaService};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, sleep_until},
};
use upstream::discovery::{Failure, FailureKind, Hear};

use super::{
    registry::Registry,
    servers::{Question, Servers},
    wire,
};
use fetch::Backoff;

/// The registry, for all watches of the process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    /// Held by the watch that asks for all.
    fetcher: Mutex<Fetcher>,
    news: watch::Sender<News>,
}

/// What is known, and how the last attempt ended.
#[derive(Clone, Default)]
struct News {
    registry: Option<Registry>,
    failure: Option<Failure>,
}

struct Fetcher {
    servers: Servers,
    known: Option<Known>,
    /// Whether the server was heard to tell no changes.
    is_without_changes: bool,
    backoff: Backoff,
    /// When to ask next.
    due: Instant,
}

/// What deltas are taken over into.
struct Known {
    registry: Registry,
    /// When it was right.
    at: Instant,
    /// Of a server whose deltas belong to it.
    server: usize,
}

/// Servers keep what changed for three minutes. Who was away for longer has lost something, and hashes, which only count, need
/// not show it.
const DELTAS_COVER: Duration = Duration::from_secs(120);

// === impl Shared ===

impl Shared {
    pub(crate) fn new(settings: Eureka) -> Self {
        let fetcher = Fetcher {
            servers: Servers::new(settings),
            known: None,
            is_without_changes: false,
            backoff: Backoff::by_chance(),
            due: Instant::now(),
        };
        Self(Arc::new(Inner { fetcher: Mutex::new(fetcher), news: watch::channel(News::default()).0 }))
    }

    /// Tells what becomes of a service. Never ends.
    pub(super) async fn follow(&self, service: &EurekaService, hear: &dyn Hear) {
        let mut news = self.0.news.subscribe();
        // What is known already is told whatever became of the last attempt.
        let News { registry, failure } = news.borrow_and_update().clone();
        if let Some(registry) = registry {
            hear.answered(registry.answer(service));
        }
        if let Some(failure) = failure {
            hear.failed(failure);
        }
        while news.changed().await.is_ok() {
            let News { registry, failure } = news.borrow_and_update().clone();
            match (failure, registry) {
                (Some(failure), _) => hear.failed(failure),
                (None, Some(registry)) => hear.answered(registry.answer(service)),
                (None, None) => {}
            }
        }
    }

    /// Asks for all watches, once it is this one's turn. Never ends.
    pub(super) async fn lead(&self) {
        let mut fetcher = self.0.fetcher.lock().await;
        loop {
            sleep_until(fetcher.due).await;
            let fetched = fetcher.fetch().await;
            fetcher.due = Instant::now() + fetcher.pause(fetched.is_ok());
            self.0.news.send_modify(|news| match fetched {
                Ok(registry) => *news = News { registry: Some(registry), failure: None },
                Err(failure) => news.failure = Some(failure),
            });
        }
    }
}

// === impl Fetcher ===

impl Fetcher {
    /// The registry as it is now.
    ///
    /// # Errors
    /// Nobody told it. Then it is asked for as a whole the next time: whoever comes back may have forgotten what it told.
    async fn fetch(&mut self) -> Result<Registry, Failure> {
        if let Some(known) = self.known.take()
            && !self.is_without_changes
            && known.at.elapsed() < DELTAS_COVER
            && let Some(registry) = self.updated(known).await?
        {
            return Ok(registry);
        }
        self.whole().await
    }

    /// What is known, with what changed; `None` if something was lost.
    async fn updated(&mut self, mut known: Known) -> Result<Option<Registry>, Failure> {
        // Servers that are told not to tell changes forbid to ask for them.
        let is_answer = |status: StatusCode| status == StatusCode::OK || (status.is_client_error() && status != 401);
        let answer = self.servers.ask(&get("/apps/delta", is_answer)).await?;
        self.is_without_changes = answer.head.status() != StatusCode::OK;
        if self.is_without_changes || self.servers.at() != known.server {
            return Ok(None);
        }
        let told = match wire::read(&answer.body) {
            Ok(told) => told,
            Err(why) => {
                tracing::debug!(%why, "changes of Eureka cannot be read; the whole is asked for");
                return Ok(None);
            }
        };
        let hash = told.hash.clone();
        known.registry.apply(told);
        let own = known.registry.hash();
        if hash.as_ref() != Some(&own) {
            tracing::debug!(?hash, own, "changes of Eureka were lost; the whole is asked for");
            return Ok(None);
        }
        known.at = Instant::now();
        Ok(Some(self.known.insert(known).registry.clone()))
    }

    async fn whole(&mut self) -> Result<Registry, Failure> {
        let answer = self.servers.ask(&get("/apps", |status| status == StatusCode::OK)).await?;
        let server = self.servers.at();
        let told = wire::read(&answer.body).map_err(|why| {
            let server = &self.servers.settings().servers[server];
            Failure::new(FailureKind::Malformed, format!("{server}/apps: {why}"))
        })?;
        let hash = told.hash.clone();
        let registry = Registry::whole(told);
        // Where hashes mean something else, or nothing, changes could not be checked: the whole is asked for each time.
        if hash == Some(registry.hash()) {
            self.known = Some(Known { registry: registry.clone(), at: Instant::now(), server });
        }
        Ok(registry)
    }

    /// How long until it is asked again.
    fn pause(&mut self, has_answered: bool) -> Duration {
        if has_answered {
            self.backoff.succeeded();
            self.servers.settings().interval
        } else {
            // Whoever comes back may have learned it.
            self.is_without_changes = false;
            self.backoff.failed()
        }
    }
}

fn get(target: &str, is_answer: fn(StatusCode) -> bool) -> Question {
    Question { method: Method::GET, target: target.to_owned(), body: bytes::Bytes::new(), is_answer }
}

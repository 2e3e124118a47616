//! The catalog as a source of documents: services that say by their tags how they want to be served.
//!
//! ```text
//! catalog ─services with tags─▶ documents ─▶ believed? ─▶ whoever merges them with the operator's files
//! ```

/// Which answers of the catalog count.
mod believed;
/// From tags to documents.
mod document;

use std::{collections::BTreeMap, future::pending, time::Duration};

use http::Method;
use model::Further;
use tokio::time::{Instant, sleep_until};
use upstream::discovery::{Failure, FailureKind};

use super::{
    agent::{Agent, Question, Said},
    blocking::Blocking,
};
use believed::{Believed, News};

/// How often a catalog that keeps changing is asked for: what it says becomes a reload.
const BETWEEN: Duration = Duration::from_secs(1);

/// Follows the catalog and tells what has become of it, whenever that changes; it ends only by being dropped.
///
/// `known` is what was told before, by an earlier process: it holds until the catalog says otherwise.
pub async fn catalog(registries: model::Registries, known: Vec<Further>, tell: impl Fn(Vec<Further>) + Send + Sync) {
    let question = Question::new(Method::GET, "/v1/catalog/services")
        .with_any("dc", registries.consul.datacenter.as_deref())
        .with_any("ns", registries.consul.namespace.as_deref());
    let mut blocking = Blocking::new(Agent::new(registries.consul), question, BETWEEN);
    let mut believed = Believed::new(known, registries.hold);
    let mut failing: Option<FailureKind> = None;
    loop {
        let news = tokio::select! {
            services = blocking.next(services) => match services {
                Ok(services) => {
                    if failing.take().is_some() {
                        tracing::info!("the catalog of consul can be read again");
                    }
                    believed.answered(&services, Instant::now())
                }
                Err(failure) => {
                    if failing.replace(failure.kind) != Some(failure.kind) {
                        tracing::warn!(%failure, "the catalog of consul cannot be read; what it said last serves");
                    }
                    continue;
                }
            },
            () = until(believed.due()) => believed.tick(),
        };
        for news in &news {
            say(news);
        }
        if news.contains(&News::Changed) {
            tell(believed.documents());
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// The services with their tags.
fn services(said: &Said) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    serde_json::from_slice(&said.body)
        .map_err(|error| said.failure(FailureKind::Malformed, format_args!("no services with tags: {error}")))
}

fn say(news: &News) {
    match news {
        News::Changed => {}
        News::Held { has, had } => {
            tracing::warn!(
                has,
                had,
                "an answer of the catalog of consul is held: it is empty, or leaves less than half"
            );
        }
        News::Released => tracing::info!("the catalog of consul answers as it should again"),
        News::Bad { service, why, is_kept: false } => {
            tracing::error!(%service, %why, "a service of the catalog of consul is left out");
        }
        News::Bad { service, why, is_kept: true } => {
            tracing::error!(%service, %why, "what a service of the catalog of consul says now is no good: what it said before serves");
        }
        News::Good { service } => {
            tracing::info!(%service, "what a service of the catalog of consul says is good again");
        }
    }
}

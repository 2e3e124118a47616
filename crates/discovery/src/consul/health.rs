//! One service, by blocking queries of the health endpoint.
//!
//! ```text
//!  index 0 ─▶ answer of index 7 ─▶ (waits) newer than 7 ─▶ answer of index 9 ─▶ (waits) newer than 9 ─▶ …
//!     ▲                                                                             │
//!     └──────────── a failure, or an index that went backward: whatever there is ◀──┘
//! ```

use std::{sync::Arc, time::Duration};

use http::Method;
use model::ConsulService;
use tokio::time::{Instant, sleep};
use upstream::discovery::{Answer, Failure, Hear, Watch};

use super::{
    agent::{AT_ONCE, Agent, Question},
    instance,
};
use crate::Backoff;

/// How long it takes at least from one question to the next. What changes more often is told once for several changes.
const BETWEEN: Duration = Duration::from_millis(200);
/// The same after an answer that has nothing new though it did not wait: something on the way does not know blocking queries.
const BETWEEN_SAME: Duration = Duration::from_secs(1);
/// What an agent and the network may take beyond the time that a query waits.
const MARGIN: Duration = Duration::from_secs(10);

/// Tells `hear` of a service.
pub(crate) fn watch(agent: &Agent, service: &ConsulService, hear: Arc<dyn Hear>) -> Watch {
    let (agent, question) = (agent.clone(), question(agent.settings(), service));
    Box::pin(async move {
        let mut index = 0;
        let mut backoff = Backoff::by_chance();
        loop {
            let begun = Instant::now();
            let pause = match ask(&agent, &question, index).await {
                Ok((answer, newer)) => {
                    hear.answered(answer);
                    backoff.succeeded();
                    let between = if newer > index { BETWEEN } else { BETWEEN_SAME };
                    // Backward: the agent forgot (it was started anew, or restored), and would wait for what never comes.
                    index = if newer < index { 0 } else { newer };
                    between.saturating_sub(begun.elapsed())
                }
                Err(failure) => {
                    hear.failed(failure);
                    // It may be another agent, or the same with another past, that answers next.
                    index = 0;
                    backoff.failed()
                }
            };
            sleep(pause).await;
        }
    })
}

/// Health of all instances: those that are not well are wanted too, since to know them as such is better than to miss them.
fn question(settings: &model::Consul, service: &ConsulService) -> Question {
    let ConsulService { service, tags, datacenter, namespace } = service;
    let question = Question::new(Method::GET, format!("/v1/health/service/{}", fetch::encoded(service)))
        .with_any("dc", datacenter.as_deref().or(settings.datacenter.as_deref()))
        .with_any("ns", namespace.as_deref().or(settings.namespace.as_deref()));
    tags.iter().fold(question, |question, tag| question.with("tag", tag))
}

/// What there is newer than `index`, and its own index.
async fn ask(agent: &Agent, question: &Question, index: u64) -> Result<(Answer, u64), Failure> {
    let wait = agent.settings().wait;
    let bound = match index {
        0 => AT_ONCE,
        // Agents wait up to a sixteenth longer, so that not all ask again at once.
        _ => wait + wait / 16 + MARGIN,
    };
    let said = agent.ask(&question.newer_than(index, wait), bound).await?.accepted()?;
    let newer = said.index()?;
    Ok((instance::read(&said)?, newer))
}

//! One service, by the health endpoint.

use std::{sync::Arc, time::Duration};

use http::Method;
use model::ConsulService;
use upstream::discovery::{FailureKind, Hear, Watch};

use super::{
    agent::{Agent, Question},
    blocking::Blocking,
    instance,
};

/// How often a service that keeps changing is asked for.
pub(super) const BETWEEN: Duration = Duration::from_millis(200);

/// Tells `hear` of a service.
pub(crate) fn watch(agent: &Agent, service: &ConsulService, hear: Arc<dyn Hear>) -> Watch {
    let mut blocking = Blocking::new(agent.clone(), question(agent.settings(), service), BETWEEN);
    Box::pin(async move {
        loop {
            let answer = blocking.next(|said| {
                instance::read(&said.body).map_err(|error| {
                    said.failure(FailureKind::Malformed, format_args!("no list of instances: {error}"))
                })
            });
            match answer.await {
                Ok(answer) => hear.answered(answer),
                Err(failure) => hear.failed(failure),
            }
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

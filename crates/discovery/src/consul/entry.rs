//! The gateway's own entry.
//!
//! It has one check, a TTL that the gateway renews. An agent that lost it (agents keep what they are told, unless they
//! are started anew without their disk) is told again with the next renewal.

use std::time::Duration;

use bytes::Bytes;
use fetch::encoded;
use http::{Method, StatusCode};
use model::Registration;
use serde_json::{Map, Value, json};
use upstream::discovery::Failure;

use super::agent::{AT_ONCE, Agent, Question, millis};
use crate::registration;

pub(crate) struct Entry {
    agent: Agent,
    register: Question,
    pass: Question,
    deregister: Question,
    /// Whether the agent was told, as far as anybody knows.
    is_told: bool,
}

/// Consul lets no shorter time go by before it takes out who is critical.
const LEAST_CRITICAL: Duration = Duration::from_secs(60);

// === impl Entry ===

impl Entry {
    pub(crate) fn new(settings: &model::Consul, registration: &Registration) -> Self {
        let id = id(registration);
        let put = |path: String| Question::new(Method::PUT, path).with_any("ns", settings.namespace.as_deref());
        let body = Bytes::from(body(&id, registration).to_string());
        Self {
            agent: Agent::new(settings.clone()),
            // Checks that an entry of the same id had before would stay.
            register: put("/v1/agent/service/register".to_owned()).with("replace-existing-checks", "true").body(body),
            pass: put(format!("/v1/agent/check/pass/{}", encoded(&check_id(&id)))),
            deregister: put(format!("/v1/agent/service/deregister/{}", encoded(&id))),
            is_told: false,
        }
    }
}

impl registration::Entry for Entry {
    const REGISTRY: &'static str = "consul";

    async fn renew(&mut self) -> Result<(), Failure> {
        if self.is_told {
            let said = self.agent.ask(&self.pass, AT_ONCE).await?;
            match said.status {
                status if status.is_success() => return Ok(()),
                // It is there, and nothing is gained by telling it once more.
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return said.accepted().map(drop),
                // 404 today, 500 before Consul 1.11: there is no such check.
                _ => self.is_told = false,
            }
        }
        self.agent.ask(&self.register, AT_ONCE).await?.accepted()?;
        self.is_told = true;
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), Failure> {
        let said = self.agent.ask(&self.deregister, AT_ONCE).await?;
        if said.status == StatusCode::NOT_FOUND { Ok(()) } else { said.accepted().map(drop) }
    }
}

fn id(registration: &Registration) -> String {
    let Registration { id, service, host, port, .. } = registration;
    id.as_deref().map_or_else(|| format!("{service}-{host}-{port}"), ToOwned::to_owned)
}

fn check_id(id: &str) -> String {
    format!("service:{id}")
}

fn body(id: &str, registration: &Registration) -> Value {
    let Registration { service, host, port, is_tls, labels, ttl, .. } = registration;
    let mut meta: Map<_, _> = labels.iter().map(|(key, value)| (key.to_string(), Value::from(&**value))).collect();
    // What clients of Spring look at.
    meta.entry("secure").or_insert_with(|| is_tls.to_string().into());
    json!({
        "ID": id,
        "Name": service,
        "Address": host,
        "Port": port,
        "Meta": meta,
        "Check": {
            "CheckID": check_id(id),
            "Name": "the gateway renews this while it serves",
            "TTL": millis(*ttl),
            // It is so when it registers, and should not have to be waited for.
            "Status": "passing",
            "DeregisterCriticalServiceAfter": millis((*ttl).max(LEAST_CRITICAL)),
        },
    })
}

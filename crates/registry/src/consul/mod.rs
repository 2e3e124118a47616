//! The part of Consul's HTTP API that services and their clients use: the agent, health, and the catalog.
//!
//! Where an agent knows one machine, this one knows all that registered with it. Errors are plain text, as Consul's are.

/// What services ask of their agent.
mod agent;
/// JSON as Consul reads it.
mod fields;
/// What others ask: who is there, and how they are.
mod health;
/// A service that registers, with its checks.
mod register;
/// What is told.
mod told;

use std::sync::Arc;

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::{
    core::{Dialect, Refusal},
    registry::Shared,
};

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/agent/self", get(agent::itself))
        .route("/v1/agent/services", get(agent::services))
        .route("/v1/agent/service/{id}", get(agent::service))
        .route("/v1/agent/service/register", put(agent::register))
        .route("/v1/agent/service/deregister/{id}", put(agent::deregister))
        .route("/v1/agent/service/maintenance/{id}", put(agent::maintenance))
        .route("/v1/agent/checks", get(agent::checks))
        .route("/v1/agent/check/register", put(agent::register_check))
        .route("/v1/agent/check/deregister/{id}", put(agent::deregister_check))
        .route("/v1/agent/check/pass/{id}", put(agent::pass))
        .route("/v1/agent/check/warn/{id}", put(agent::warn))
        .route("/v1/agent/check/fail/{id}", put(agent::fail))
        .route("/v1/agent/check/update/{id}", put(agent::update))
        .route("/v1/health/service/{service}", get(health::service))
        .route("/v1/health/checks/{service}", get(health::checks))
        .route("/v1/health/state/{state}", get(health::state))
        .route("/v1/catalog/services", get(health::catalog))
        .route("/v1/catalog/service/{service}", get(health::catalog_service))
        .route("/v1/catalog/datacenters", get(async || Json(vec![told::DATACENTER])))
        .route("/v1/catalog/nodes", get(health::nodes))
        .route("/v1/status/leader", get(async || Json(told::LEADER)))
        .route("/v1/status/peers", get(async || Json(vec![told::LEADER])))
}

/// What was asked for, or why not.
type Answer = Result<Response, Refused>;

/// A status with a line of text.
struct Refused(StatusCode, String);

const INDEX: HeaderName = HeaderName::from_static("x-consul-index");
const KNOWN_LEADER: HeaderName = HeaderName::from_static("x-consul-knownleader");
const LAST_CONTACT: HeaderName = HeaderName::from_static("x-consul-lastcontact");

/// An answer with the index that clients wait with for the next one.
fn indexed(index: u64, value: Value) -> Response {
    let headers = [
        (INDEX, HeaderValue::from(index)),
        (KNOWN_LEADER, HeaderValue::from_static("true")),
        (LAST_CONTACT, HeaderValue::from_static("0")),
    ];
    (headers, Json(value)).into_response()
}

fn refused(shared: &Shared, refusal: &Refusal) -> Refused {
    let (status, detail) = shared.refused(Dialect::Consul, refusal);
    Refused(status, detail)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

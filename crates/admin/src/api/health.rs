//! `GET /api/v1/health`: how the endpoints are.

use axum::{Json, extract::State};
use snapshot::EndpointHealthTold;

use super::Api;

/// A list, by upstream in the order of the document, then by endpoint; those that drain come last.
pub(super) async fn health(State(api): State<Api>) -> Json<Vec<EndpointHealthTold>> {
    Json(api.gateway.health())
}

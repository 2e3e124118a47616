//! `GET /api/v1/health`: how the endpoints are.

use axum::Json;
use snapshot::EndpointHealthTold;

use super::call::Call;
use listen::Problem;

/// A list, by upstream in the order of the document, then by endpoint; those that drain come last.
pub(super) async fn health(call: Call) -> Result<Json<Vec<EndpointHealthTold>>, Problem> {
    Ok(Json(call.api.gateway.health()))
}

//! `/api/v1/breakers`: what circuit breakers do, and orders for them.

use axum::Json;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use snapshot::{BreakerOrder, BreakerTold};

use super::call::Call;
use listen::Problem;

#[derive(Serialize, JsonSchema)]
pub(super) struct BreakersTold {
    breakers: Vec<BreakerTold>,
}

/// All of them.
pub(super) async fn list(call: Call) -> Result<Json<BreakersTold>, Problem> {
    Ok(Json(BreakersTold { breakers: call.api.gateway.breakers() }))
}

/// Gives an order; answers with those that it means.
pub(super) async fn order(call: Call, order: BreakerOrder) -> Result<Json<BreakersTold>, Problem> {
    let meant = call.api.gateway.order_breakers(&order);
    let breakers = meant.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    Ok(Json(BreakersTold { breakers }))
}

//! `/api/v1/services`: what was found in registries, and orders about it.

use axum::Json;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use snapshot::{ServiceOrder, ServiceOrderError, ServiceTold};

use super::call::Call;
use listen::Problem;

#[derive(Serialize, JsonSchema)]
pub(super) struct ServicesTold {
    services: Vec<ServiceTold>,
}

/// All of them.
pub(super) async fn list(call: Call) -> Result<Json<ServicesTold>, Problem> {
    Ok(Json(ServicesTold { services: call.api.gateway.services() }))
}

/// Gives an order; answers with the service that it is about.
pub(super) async fn order(call: Call, order: ServiceOrder) -> Result<Json<ServicesTold>, Problem> {
    let followed = call.ask(move |gateway| gateway.order_service(&order)).await?;
    let service = followed.map_err(|error| {
        let status = match error {
            ServiceOrderError::NotKept(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem::new(status, error.to_string())
    })?;
    Ok(Json(ServicesTold { services: vec![service] }))
}

//! `/api/v1/services`: what was found in registries, and orders about it.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
};
use http::StatusCode;
use snapshot::{ServiceOrder, ServiceOrderError, ServiceTold};
use tokio::task::spawn_blocking;

use super::{Api, body};
use crate::problem::Problem;

type Told = BTreeMap<&'static str, Vec<ServiceTold>>;

/// All of them.
pub(super) async fn list(State(api): State<Api>) -> Json<Told> {
    Json(BTreeMap::from([("services", api.gateway.services())]))
}

/// Gives an order; answers with the service that it is about.
pub(super) async fn order(State(api): State<Api>, body: Result<Bytes, BytesRejection>) -> Result<Json<Told>, Problem> {
    let body = body::read(body, "an order")?;
    let order: ServiceOrder = serde_json::from_slice(&body).map_err(|error| {
        let example = r#"{"service":"orders","endpoint":"10.0.0.7:80","drain":true}"#;
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is no order such as {example}: {error}"))
    })?;
    let followed = spawn_blocking(move || api.gateway.order_service(&order)).await;
    let followed = followed.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the order broke off"))?;
    let service = followed.map_err(|error| {
        let status = match error {
            ServiceOrderError::NotKept(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem::new(status, error.to_string())
    })?;
    Ok(Json(BTreeMap::from([("services", vec![service])])))
}

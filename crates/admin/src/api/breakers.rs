//! `/api/v1/breakers`: what circuit breakers do, and orders for them.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
};
use http::StatusCode;
use snapshot::{BreakerOrder, BreakerTold};

use super::{Api, body};
use crate::problem::Problem;

type Told = BTreeMap<&'static str, Vec<BreakerTold>>;

/// All of them.
pub(super) async fn list(State(api): State<Api>) -> Json<Told> {
    Json(BTreeMap::from([("breakers", api.gateway.breakers())]))
}

/// Gives an order; answers with those that it means.
pub(super) async fn order(State(api): State<Api>, body: Result<Bytes, BytesRejection>) -> Result<Json<Told>, Problem> {
    let body = body::read(body, "an order")?;
    let order: BreakerOrder = serde_json::from_slice(&body).map_err(|error| {
        let example = r#"{"upstream":"users","mode":"forced_open"}"#;
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is no order such as {example}: {error}"))
    })?;
    let meant = api.gateway.order_breakers(&order);
    let meant = meant.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    Ok(Json(BTreeMap::from([("breakers", meant)])))
}

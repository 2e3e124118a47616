//! `/api/v1/log-level`: how much the program says about itself.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
};
use http::StatusCode;

use super::{Api, body};
use crate::{LogLevelOrder, LogLevelTold, problem::Problem};

pub(super) async fn told(State(api): State<Api>) -> Json<LogLevelTold> {
    Json(api.gateway.log_level())
}

/// Gives an order; answers with what holds then.
pub(super) async fn order(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LogLevelTold>, Problem> {
    let body = body::read(body, "an order")?;
    let order: LogLevelOrder = serde_json::from_slice(&body).map_err(|error| {
        let example = r#"{"level":"debug","target":"proxy","for":"10m"}"#;
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is no order such as {example}: {error}"))
    })?;
    Ok(Json(api.gateway.order_log_level(&order)))
}

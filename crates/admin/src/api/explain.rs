//! `POST /api/v1/explain`: why a request goes where it goes, in the gateway as it runs.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
};
use http::StatusCode;
use snapshot::{Explanation, Question};
use tokio::task::spawn_blocking;

use super::{Api, body};
use crate::problem::Problem;

/// The body is a [`Question`] as JSON.
pub(super) async fn explain(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Explanation>, Problem> {
    let body = body::read(body, "a question")?;
    let question: Question = serde_json::from_slice(&body).map_err(|error| {
        let example = r#"{"method":"GET","url":"http://api.example.com/users/7"}"#;
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is no question such as {example}: {error}"))
    })?;
    // Goes along with the work, which goes on even if whoever asked goes away.
    let turn = api.turn.lock_owned().await;
    let explained = spawn_blocking(move || {
        let _turn = turn;
        api.gateway.explain(&question)
    });
    match explained.await {
        Ok(Ok(explanation)) => Ok(Json(explanation)),
        Ok(Err(error)) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())),
        Err(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the explanation broke off")),
    }
}

//! `POST /api/v1/explain`: why a request goes where it goes, in the gateway as it runs.

use axum::Json;
use http::StatusCode;
use snapshot::{Explanation, Question};

use super::call::Call;
use listen::Problem;

pub(super) async fn explain(call: Call, question: Question) -> Result<Json<Explanation>, Problem> {
    // Goes along with the work, which goes on even if whoever asked goes away.
    let turn = call.api.turn.clone().lock_owned().await;
    let explained = call.ask(move |gateway| {
        let _turn = turn;
        gateway.explain(&question)
    });
    let explained = explained.await?;
    explained.map(Json).map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
}

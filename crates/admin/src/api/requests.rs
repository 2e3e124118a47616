//! `/api/v1/requests`: what happened to requests.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use snapshot::{Explanation, Question};
use telemetry::flight::{Filter, Flight};
use tokio::task::spawn_blocking;

use super::{
    Api,
    parameters::{Parameters, bad},
    query::Query,
};
use crate::problem::Problem;

/// So many are told if nobody says, and at most.
const LIMIT: usize = 100;
const MOST: usize = 1_000;

/// A request with the reasons for its way.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    flight: Flight,
    /// Why its route took it; `None` if the document has changed since.
    explanation: Option<Explanation>,
    /// Why there is none.
    unexplained: Option<String>,
}

/// The newest that pass, the newest first.
pub(super) async fn list(
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<BTreeMap<&'static str, Vec<Flight>>>, Problem> {
    is_recording(&api)?;
    let parameters = Parameters::with_filter(&uri, &["limit"])?;
    let (filter, limit) = (parameters.filter()?, parameters.number("limit", LIMIT, MOST)?);
    let found = api.gateway.requests(&filter, limit).await;
    Ok(Json(BTreeMap::from([("requests", found)])))
}

/// One of them, also as a command or for other tools.
pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>, uri: Uri) -> Result<Response, Problem> {
    is_recording(&api)?;
    let query = Query::read(&uri, &["as"])?;
    let filter = Filter { id: Some(id.clone()), ..Filter::default() };
    let Some(flight) = api.gateway.requests(&filter, 1).await.pop() else {
        let detail = format!(
            "no request `{id}` is recorded: it never was, it is still under way, or others have taken its place; \
             /api/v1/requests has the last ones, and `gateway.flight_recorder` says how many"
        );
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    match query.get("as") {
        None | Some("json") => Ok(Json(explained(api, flight).await).into_response()),
        Some("curl") => Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], flight.as_curl()).into_response()),
        Some("har") => Ok(Json(flight.as_har()).into_response()),
        Some(other) => Err(bad(format!("`as` is `json`, `curl` or `har`, not `{other}`"))),
    }
}

pub(super) fn is_recording(api: &Api) -> Result<(), Problem> {
    match api.gateway.records() {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::CONFLICT,
            "requests are not recorded; take `flight_recorder: off` out of `gateway` in the document",
        )),
    }
}

/// Asks the live document, if that is the one that the request was served with.
async fn explained(api: Api, flight: Flight) -> Told {
    let live = api.gateway.generation();
    if flight.generation != live {
        let why = format!("it was served with document {}, and {live} is live", flight.generation);
        return Told { flight, explanation: None, unexplained: Some(why) };
    }
    if flight.target_cut {
        let why = "its path or query is longer than what is recorded".to_owned();
        return Told { flight, explanation: None, unexplained: Some(why) };
    }
    let Some(question) = question(&flight) else {
        let why = "it never was a whole request".to_owned();
        return Told { flight, explanation: None, unexplained: Some(why) };
    };
    // As for questions of operators.
    let turn = api.turn.lock_owned().await;
    let explained = spawn_blocking(move || {
        let _turn = turn;
        api.gateway.explain(&question)
    });
    let (explanation, unexplained) = match explained.await {
        Ok(Ok(explanation)) => (Some(explanation), None),
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (None, Some("the explanation broke off".to_owned())),
    };
    Told { flight, explanation, unexplained }
}

/// As far as it was recorded. `None`: it was refused before it was one.
fn question(flight: &Flight) -> Option<Question> {
    let method = Method::from_bytes(flight.method.as_bytes()).ok().filter(|_| !flight.path.is_empty())?;
    let field = |(name, value): (&String, &String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    let headers: HeaderMap = flight.headers.iter().filter_map(field).collect();
    Some(Question {
        headers,
        client_ip: Some(flight.client),
        listener: flight.listener.as_deref().map(Into::into),
        ..Question::new(method, flight.url())
    })
}

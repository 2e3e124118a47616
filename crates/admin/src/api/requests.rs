//! `/api/v1/requests`: what happened to requests.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use snapshot::{Explanation, Question};
use telemetry::flight::{Filter, Flight};

use super::{Api, call::Call, parameters, query::Parameter};
use listen::Problem;

pub(super) static OF_ONE: &[Parameter] = &[Parameter::one_of(
    "as",
    &[("json", ""), ("curl", ""), ("har", "")],
    "With its explanation, as a command, or for other tools.",
)];

#[derive(Serialize, JsonSchema)]
pub(super) struct RequestsTold {
    requests: Vec<Flight>,
}

/// One request, for those who read it here, or for other tools.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only described")]
#[schemars(rename = "RequestOrArchive")]
pub(super) enum OneTold {
    Explained(Box<ExplainedTold>),
    /// `?as=har`, HTTP Archive 1.2.
    Har {
        log: Map<String, Value>,
    },
}

/// A request with the reasons for its way.
#[derive(Serialize, JsonSchema)]
pub(super) struct ExplainedTold {
    #[serde(flatten)]
    flight: Flight,
    /// Why its route took it; `None` if the document has changed since.
    explanation: Option<Explanation>,
    /// Why there is none.
    unexplained: Option<String>,
}

/// The newest that pass, the newest first.
pub(super) async fn list(call: Call) -> Result<Json<RequestsTold>, Problem> {
    is_recording(&call.api)?;
    let filter = parameters::filter(&call.query)?;
    let requests = call.api.gateway.requests(&filter, call.query.count("limit")).await;
    Ok(Json(RequestsTold { requests }))
}

/// One of them, also as a command or for other tools.
pub(super) async fn one(call: Call) -> Result<Response, Problem> {
    is_recording(&call.api)?;
    let id = call.id();
    let filter = Filter { id: Some(id.clone()), ..Filter::default() };
    let Some(flight) = call.api.gateway.requests(&filter, 1).await.pop() else {
        let detail = format!(
            "no request `{id}` is recorded: it never was, it is still under way, or others have taken its place; \
             /api/v1/requests has the last ones, and `gateway.flight_recorder` says how many"
        );
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    match call.query.get("as") {
        Some("curl") => Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], flight.as_curl()).into_response()),
        Some("har") => Ok(Json(flight.as_har()).into_response()),
        _ => Ok(Json(explained(&call, flight).await).into_response()),
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
async fn explained(call: &Call, flight: Flight) -> ExplainedTold {
    let live = call.api.gateway.generation();
    if flight.generation != live {
        let why = format!("it was served with document {}, and {live} is live", flight.generation);
        return ExplainedTold { flight, explanation: None, unexplained: Some(why) };
    }
    if flight.target_cut {
        let why = "its path or query is longer than what is recorded".to_owned();
        return ExplainedTold { flight, explanation: None, unexplained: Some(why) };
    }
    let Some(question) = question(&flight) else {
        let why = "it never was a whole request".to_owned();
        return ExplainedTold { flight, explanation: None, unexplained: Some(why) };
    };
    // As for questions of operators.
    let turn = call.api.turn.clone().lock_owned().await;
    let explained = call.ask(move |gateway| {
        let _turn = turn;
        gateway.explain(&question)
    });
    let (explanation, unexplained) = match explained.await {
        Ok(Ok(explanation)) => (Some(explanation), None),
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (None, Some("the explanation broke off".to_owned())),
    };
    ExplainedTold { flight, explanation, unexplained }
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

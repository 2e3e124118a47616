//! `GET /api/v1/series` and `GET /api/v1/top`: the last hour, and who was behind the last requests.

use axum::{Json, extract::State};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use telemetry::{
    Counts,
    flight::{Caller, Callers},
    history::{Point, Resolution, Subject},
};

use super::{Api, query::Query};
use crate::problem::Problem;

/// More are no overview.
const MOST: usize = 1_000;

/// `?of=route&name=users&resolution=1s`: one thing, interval by interval.
pub(super) async fn series(State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &["of", "name", "resolution"])?;
    let subject = subject(&query, Some(Subject::Gateway))?;
    let name = query.get("name").unwrap_or_default();
    let (resolution, step) = match query.get("resolution") {
        None | Some("1s") => (Resolution::Second, 1),
        Some("10s") => (Resolution::TenSeconds, 10),
        Some(other) => {
            return Err(bad(format!("`resolution` is `1s` (five minutes) or `10s` (an hour), not `{other}`")));
        }
    };
    let points = api.gateway.series(subject, name, resolution).ok_or_else(|| {
        let what = format!("there is no {} `{name}`, or it had no requests in the last hour", subject.name());
        Problem::new(StatusCode::NOT_FOUND, what)
    })?;
    let points: Vec<_> = points.iter().map(told).collect();
    Ok(Json(json!({ "of": subject.name(), "name": name, "resolution_seconds": step, "points": points })))
}

/// `?of=route&most=10`: who had the most requests in the last minute; or `?of=client`, `?of=consumer`, of those recorded.
pub(super) async fn top(State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &["of", "most"])?;
    let most = match query.get("most").map(str::parse) {
        None => 10,
        Some(Ok(most)) if (1..=MOST).contains(&most) => most,
        Some(_) => return Err(bad(format!("`most` is a number from 1 to {MOST}"))),
    };
    if let Some(by) = query.get("of").and_then(Caller::by_name) {
        super::requests::is_recording(&api)?;
        return Ok(Json(callers(by, &api.gateway.callers(by, most).await)));
    }
    let subject = subject(&query, None)?;
    let busiest = api.gateway.busiest(subject, most);
    let busiest: Vec<_> = busiest
        .iter()
        .map(|busy| {
            let mut told = told(&busy.point);
            told["name"] = (*busy.name).into();
            told
        })
        .collect();
    Ok(Json(json!({ "of": subject.name(), "top": busiest })))
}

fn subject(query: &Query, default: Option<Subject>) -> Result<Subject, Problem> {
    let written = query.get("of");
    match (written.and_then(Subject::by_name), written, default) {
        (Some(subject), ..) => Ok(subject),
        (None, None, Some(default)) => Ok(default),
        _ => Err(bad(
            "`of` is `gateway`, `route`, `upstream` or `endpoint`; of `top` also `client` or `consumer`".to_owned()
        )),
    }
}

fn callers(by: Caller, callers: &Callers) -> Value {
    let seconds = callers.period.as_secs_f64();
    let told = |(name, counts): &(String, Counts)| {
        let quantile = |share| counts.quantile(share).as_secs_f64();
        json!({
            "name": name,
            "requests": counts.requests,
            "failed": counts.failed,
            "requests_per_second": if seconds > 0.0 { counts.requests as f64 / seconds } else { 0.0 },
            "p50_seconds": quantile(0.5),
            "p95_seconds": quantile(0.95),
            "p99_seconds": quantile(0.99),
        })
    };
    let top: Vec<_> = callers.busiest.iter().map(told).collect();
    json!({ "of": by.name(), "seconds": seconds, "requests": callers.requests, "top": top })
}

fn told(point: &Point) -> Value {
    let Point { second, seconds, requests, failed, p50, p95, p99 } = point;
    json!({
        "time": second,
        "seconds": seconds,
        "requests": requests,
        "failed": failed,
        "requests_per_second": *requests as f64 / f64::from(*seconds),
        "p50_seconds": p50.as_secs_f64(),
        "p95_seconds": p95.as_secs_f64(),
        "p99_seconds": p99.as_secs_f64(),
    })
}

fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

//! `GET /api/v1/series` and `GET /api/v1/top`: the last hour, and who was behind the last requests.

use axum::Json;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use telemetry::{
    Counts,
    flight::{Caller, Callers},
    history::{Point, Resolution, Subject},
};

use super::{call::Call, query::Parameter};
use listen::Problem;

const SUBJECTS: &[(&str, &str)] =
    &[("gateway", ""), ("route", ""), ("upstream", ""), ("endpoint", "as `upstream/address`")];
const OF_TOPS: &[(&str, &str)] = &[
    ("gateway", ""),
    ("route", ""),
    ("upstream", ""),
    ("endpoint", ""),
    ("client", "by address, of the requests that are recorded"),
    ("consumer", "of the requests that are recorded"),
];

pub(super) static OF_SERIES: &[Parameter] = &[
    Parameter::one_of("of", SUBJECTS, "What is looked at: the gateway as a whole, if nobody says."),
    Parameter::text("name", "Of the route, upstream or endpoint."),
    Parameter::one_of(
        "resolution",
        &[("1s", "five minutes"), ("10s", "an hour")],
        "How long an interval is: `1s`, if nobody says.",
    ),
];

pub(super) static OF_TOP: &[Parameter] = &[
    Parameter::one_of("of", OF_TOPS, "What is looked at.").required(),
    Parameter::number("most", [1, 1_000], Some(10), "How many are told."),
];

/// A thing, interval by interval.
#[derive(Serialize, JsonSchema)]
pub(super) struct SeriesTold {
    of: &'static str,
    name: String,
    resolution_seconds: u32,
    /// The oldest first.
    points: Vec<PointTold>,
}

/// Who had the most requests in the last minute.
#[derive(Serialize, JsonSchema)]
pub(super) struct TopTold {
    of: &'static str,
    /// Of callers: how long ago the oldest record is that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// Of callers: how many records were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    /// The busiest first.
    top: Vec<BusyTold>,
}

#[derive(Serialize, JsonSchema)]
struct BusyTold {
    name: String,
    /// The second that the minute begins with, since 1970; not of callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
    requests: u64,
    failed: u64,
    requests_per_second: f64,
    p50_seconds: f64,
    p95_seconds: f64,
    p99_seconds: f64,
}

/// What happened in an interval.
#[derive(Serialize, JsonSchema)]
struct PointTold {
    /// The second that it begins with, since 1970.
    time: u64,
    seconds: u32,
    requests: u64,
    failed: u64,
    requests_per_second: f64,
    p50_seconds: f64,
    p95_seconds: f64,
    p99_seconds: f64,
}

/// `?of=route&name=users&resolution=1s`: one thing, interval by interval.
pub(super) async fn series(call: Call) -> Result<Json<SeriesTold>, Problem> {
    let subject = subject(&call).unwrap_or(Subject::Gateway);
    let name = call.query.get("name").unwrap_or_default();
    let (resolution, resolution_seconds) = match call.query.get("resolution") {
        Some("10s") => (Resolution::TenSeconds, 10),
        _ => (Resolution::Second, 1),
    };
    let points = call.api.gateway.series(subject, name, resolution).ok_or_else(|| {
        let what = format!("there is no {} `{name}`, or it had no requests in the last hour", subject.name());
        Problem::new(StatusCode::NOT_FOUND, what)
    })?;
    let points = points.iter().map(PointTold::new).collect();
    Ok(Json(SeriesTold { of: subject.name(), name: name.to_owned(), resolution_seconds, points }))
}

/// `?of=route&most=10`: who had the most requests in the last minute; or `?of=client`, `?of=consumer`, of those recorded.
pub(super) async fn top(call: Call) -> Result<Json<TopTold>, Problem> {
    let most = call.query.count("most");
    if let Some(by) = call.query.get("of").and_then(Caller::by_name) {
        super::requests::is_recording(&call.api)?;
        return Ok(Json(TopTold::of_callers(by, &call.api.gateway.callers(by, most).await)));
    }
    let subject = subject(&call).unwrap_or(Subject::Gateway);
    let busiest = call.api.gateway.busiest(subject, most);
    let top = busiest.iter().map(|busy| BusyTold::of_point(&busy.name, &busy.point)).collect();
    Ok(Json(TopTold { of: subject.name(), seconds: None, requests: None, top }))
}

fn subject(call: &Call) -> Option<Subject> {
    call.query.get("of").and_then(Subject::by_name)
}

// === impl PointTold ===

impl PointTold {
    fn new(point: &Point) -> Self {
        let Point { second, seconds, requests, failed, p50, p95, p99 } = *point;
        Self {
            time: second,
            seconds,
            requests,
            failed,
            requests_per_second: requests as f64 / f64::from(seconds),
            p50_seconds: p50.as_secs_f64(),
            p95_seconds: p95.as_secs_f64(),
            p99_seconds: p99.as_secs_f64(),
        }
    }
}

// === impl TopTold ===

impl TopTold {
    fn of_callers(by: Caller, callers: &Callers) -> Self {
        let seconds = callers.period.as_secs_f64();
        let told = |(name, counts): &(String, Counts)| BusyTold::of_caller(name, counts, seconds);
        let top = callers.busiest.iter().map(told).collect();
        Self { of: by.name(), seconds: Some(seconds), requests: Some(callers.requests), top }
    }
}

// === impl BusyTold ===

impl BusyTold {
    fn of_caller(name: &str, counts: &Counts, seconds: f64) -> Self {
        let quantile = |share| counts.quantile(share).as_secs_f64();
        Self {
            name: name.to_owned(),
            time: None,
            seconds: None,
            requests: counts.requests,
            failed: counts.failed,
            requests_per_second: if seconds > 0.0 { counts.requests as f64 / seconds } else { 0.0 },
            p50_seconds: quantile(0.5),
            p95_seconds: quantile(0.95),
            p99_seconds: quantile(0.99),
        }
    }

    fn of_point(name: &str, point: &Point) -> Self {
        let PointTold { time, seconds, requests, failed, requests_per_second, p50_seconds, p95_seconds, p99_seconds } =
            PointTold::new(point);
        let (name, time, seconds) = (name.to_owned(), Some(time), Some(seconds));
        Self { name, time, seconds, requests, failed, requests_per_second, p50_seconds, p95_seconds, p99_seconds }
    }
}

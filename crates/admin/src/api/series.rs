//! `GET /api/v1/series` and `GET /api/v1/top`: the last hour.

use axum::Json;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use telemetry::history::{Point, Resolution, Subject};

use super::{call::Call, query::Parameter};
use crate::problem::Problem;

const SUBJECTS: &[(&str, &str)] = &[("gateway", ""), ("route", ""), ("upstream", "")];

pub(super) static OF_SERIES: &[Parameter] = &[
    Parameter::one_of("of", SUBJECTS, "What is looked at: the gateway as a whole, if nobody says."),
    Parameter::text("name", "Of the route or upstream."),
    Parameter::one_of(
        "resolution",
        &[("1s", "five minutes"), ("10s", "an hour")],
        "How long an interval is: `1s`, if nobody says.",
    ),
];

pub(super) static OF_TOP: &[Parameter] = &[
    Parameter::one_of("of", SUBJECTS, "What is looked at.").required(),
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
    /// The busiest first.
    top: Vec<BusyTold>,
}

#[derive(Serialize, JsonSchema)]
struct BusyTold {
    name: String,
    #[serde(flatten)]
    point: PointTold,
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

/// `?of=route&most=10`: who had the most requests in the last minute.
pub(super) async fn top(call: Call) -> Result<Json<TopTold>, Problem> {
    let subject = subject(&call).unwrap_or(Subject::Gateway);
    let busiest = call.api.gateway.busiest(subject, call.query.count("most"));
    let told =
        busiest.iter().map(|busy| BusyTold { name: (*busy.name).to_owned(), point: PointTold::new(&busy.point) });
    Ok(Json(TopTold { of: subject.name(), top: told.collect() }))
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

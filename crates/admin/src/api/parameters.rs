//! What parameters of an address say of requests: which are asked for, and how.

use expression::{Condition, Environment};
use http::{StatusCode, Uri};
use message::Cause;
use model::{FromText, values};
use telemetry::flight::{Filter, StatusWanted};

use super::query::Query;
use crate::problem::Problem;

/// The parameters that say which requests are asked for.
const OF_FILTER: &[&str] = &[
    "route",
    "upstream",
    "consumer",
    "method",
    "path",
    "status",
    "cause",
    "min_duration",
    "request_id",
    "trace_id",
    "where",
];

pub(super) struct Parameters<'u>(Query<'u>);

// === impl Parameters ===

impl<'u> Parameters<'u> {
    /// Those of a filter, and `own` ones.
    pub(super) fn with_filter(uri: &'u Uri, own: &[&str]) -> Result<Self, Problem> {
        Query::read(uri, &[OF_FILTER, own].concat()).map(Self)
    }

    /// A number up to `most`.
    pub(super) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.0.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| bad(format!("`{name}` is a number from 1 to {most}, not `{text}`")))
    }

    pub(super) fn duration(&self, name: &str) -> Result<Option<std::time::Duration>, Problem> {
        let read = self.0.get(name).map(values::Duration::from_text).transpose();
        read.map(|duration| duration.map(Into::into)).map_err(|why| bad(format!("`{name}`: {why}")))
    }

    pub(super) fn filter(&self) -> Result<Filter, Problem> {
        let text = |name| self.0.get(name).map(str::to_owned);
        Ok(Filter {
            id: text("request_id"),
            trace: text("trace_id"),
            route: text("route"),
            upstream: text("upstream"),
            consumer: text("consumer"),
            method: text("method"),
            path_prefix: text("path"),
            status: self.0.get("status").map(status).transpose()?,
            cause: self.0.get("cause").map(cause).transpose()?,
            min_duration: self.duration("min_duration")?,
            condition: self.0.get("where").map(condition).transpose()?,
        })
    }
}

fn status(text: &str) -> Result<StatusWanted, Problem> {
    StatusWanted::parse(text).ok_or_else(|| bad(format!("`status` is such as `503` or `5xx`, not `{text}`")))
}

fn cause(name: &str) -> Result<String, Problem> {
    let is_known = name == "any" || Cause::ALL.iter().any(|cause| cause.name() == name);
    let unknown = || format!("there is no cause `{name}`; docs/errors.md has them all, and `any` means each of them");
    is_known.then(|| name.to_owned()).ok_or_else(|| bad(unknown()))
}

/// What must hold of a record.
fn condition(text: &str) -> Result<Condition, Problem> {
    Environment::record().condition(text).map_err(|problems| {
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        bad(format!("`where`: {}", told.join("; ")))
    })
}

pub(super) fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

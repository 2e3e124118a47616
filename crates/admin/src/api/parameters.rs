//! What parameters of an address say of requests: which are asked for, and how.

use expression::{Condition, Environment};
use message::Cause;
use model::{FromText, values};
use telemetry::flight::{Filter, StatusWanted};

use super::query::{Parameter, Query, bad};
use listen::Problem;

/// Those that say which requests are asked for, and further ones.
macro_rules! with_filter {
    ($($own:expr),* $(,)?) => {
        &[
            Parameter::text("route", "Those of this route."),
            Parameter::text("upstream", "Those that an endpoint of this upstream was asked for."),
            Parameter::text("consumer", "Those of this consumer."),
            Parameter::text("method", "Those with this method."),
            Parameter::text("path", "Those whose path begins so."),
            Parameter::text("status", "Those that were answered so: `503`, `5xx`."),
            Parameter::text("cause", "Those that did not simply go well, for this cause; `any`: for whichever."),
            Parameter::text("min_duration", "Those that took so long: `250ms`."),
            Parameter::text("request_id", "The one with this id."),
            Parameter::text("trace_id", "Those of this trace, 32 hexadecimal digits."),
            Parameter::text("where", "Those for which this expression holds."),
            $($own),*
        ]
    };
}

pub(super) static OF_LIST: &[Parameter] =
    with_filter![Parameter::number("limit", [1, 1_000], Some(100), "How many are told.")];

pub(super) static OF_TAP: &[Parameter] = with_filter![
    Parameter::number("rate", [1, 1_000], Some(100), "How many are told in a second."),
    Parameter::text("for", "For how long: 50 seconds, if nobody says, which is the longest."),
];

pub(super) fn duration(query: &Query, name: &str) -> Result<Option<std::time::Duration>, Problem> {
    let read = query.get(name).map(values::Duration::from_text).transpose();
    read.map(|duration| duration.map(Into::into)).map_err(|why| bad(format!("`{name}`: {why}")))
}

pub(super) fn filter(query: &Query) -> Result<Filter, Problem> {
    let text = |name| query.get(name).map(str::to_owned);
    Ok(Filter {
        id: text("request_id"),
        trace: text("trace_id"),
        route: text("route"),
        upstream: text("upstream"),
        consumer: text("consumer"),
        method: text("method"),
        path_prefix: text("path"),
        status: query.get("status").map(status).transpose()?,
        cause: query.get("cause").map(cause).transpose()?,
        min_duration: duration(query, "min_duration")?,
        condition: query.get("where").map(condition).transpose()?,
    })
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

//! What parameters of an address say: which requests are asked for, and how.

use std::borrow::Cow;

use expression::{Condition, Environment};
use http::{StatusCode, Uri};
use message::{Cause, field};
use model::{FromText, values};
use telemetry::flight::{Filter, StatusWanted};

use crate::problem::Problem;

/// The parameters that say which requests are asked for.
const OF_FILTER: &[&str] =
    &["route", "upstream", "consumer", "method", "path", "status", "cause", "min_duration", "request_id", "where"];

/// The parameters of one address. Those that are not known are refused, not ignored.
pub(super) struct Parameters<'u> {
    query: Option<&'u str>,
}

// === impl Parameters ===

impl<'u> Parameters<'u> {
    /// `own` are known beside those of a filter, where there is one.
    pub(super) fn of(uri: &'u Uri, has_filter: bool, own: &[&str]) -> Result<Self, Problem> {
        let of_filter = if has_filter { OF_FILTER } else { &[] };
        let known: Vec<&str> = of_filter.iter().chain(own).copied().collect();
        let query = uri.query();
        let pairs = query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty());
        for pair in pairs {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            if !known.contains(&name) {
                return Err(bad(format!("there is no parameter `{name}`; there are {}", known.join(", "))));
            }
        }
        Ok(Self { query })
    }

    /// The one value of a parameter; `None` if it is not there.
    pub(super) fn one(&self, name: &str) -> Result<Option<Cow<'u, str>>, Problem> {
        let mut values = field::parameters(self.query, name);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(bad(format!("`{name}` is given twice")));
        }
        let text = value.text().ok_or_else(|| bad(format!("`{name}` is no text")))?;
        Ok(Some(text))
    }

    /// A number up to `most`.
    pub(super) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| bad(format!("`{name}` is a number from 1 to {most}, not `{text}`")))
    }

    pub(super) fn duration(&self, name: &str) -> Result<Option<std::time::Duration>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let read = values::Duration::from_text(&text);
        read.map(|duration| Some(duration.into())).map_err(|why| bad(format!("`{name}`: {why}")))
    }

    pub(super) fn filter(&self) -> Result<Filter, Problem> {
        let text = |name| Ok::<_, Problem>(self.one(name)?.map(Cow::into_owned));
        let status = self.one("status")?.map(|text| {
            StatusWanted::parse(&text).ok_or_else(|| bad(format!("`status` is such as `503` or `5xx`, not `{text}`")))
        });
        let cause = text("cause")?;
        if let Some(cause) = cause.as_deref().filter(|cause| *cause != "any" && !is_cause(cause)) {
            return Err(bad(format!("there is no cause `{cause}`; docs/errors.md has them all, and `any` means each of them")));
        }
        Ok(Filter {
            id: text("request_id")?,
            route: text("route")?,
            upstream: text("upstream")?,
            consumer: text("consumer")?,
            method: text("method")?,
            path_prefix: text("path")?,
            status: status.transpose()?,
            cause,
            min_duration: self.duration("min_duration")?,
            condition: self.condition()?,
        })
    }

    /// What must hold of a record, as an expression.
    fn condition(&self) -> Result<Option<Condition>, Problem> {
        let Some(text) = self.one("where")? else { return Ok(None) };
        Environment::record().condition(&text).map(Some).map_err(|problems| {
            let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
            bad(format!("`where`: {}", told.join("; ")))
        })
    }
}

fn is_cause(name: &str) -> bool {
    Cause::ALL.iter().any(|cause| cause.name() == name)
}

pub(super) fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

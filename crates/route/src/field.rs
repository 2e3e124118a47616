//! How values of headers, query parameters and cookies are compared.

use http::{HeaderMap, HeaderName};
pub use message::field::Value;
pub(crate) use message::field::{cookies, headers, parameters};
use model::{Field, ValueMatch};

use crate::Ask;

/// The first value of a field that is not empty.
pub fn first_value<'a>(field: &Field, ask: &Ask<'a>) -> Option<Value<'a>> {
    let is_there = |value: &Value<'_>| !value.is_empty();
    match field {
        Field::Header(name) => headers(ask.headers, name).find(is_there),
        Field::Query(name) => parameters(ask.query, name).find(is_there),
        Field::Cookie(name) => cookies(ask.headers, name).find(is_there),
    }
}

/// Whether the values of a field are what a matcher wants: of several, any one may be.
pub(crate) fn holds<'a>(wanted: &ValueMatch, mut values: impl Iterator<Item = Value<'a>>) -> bool {
    match wanted {
        ValueMatch::Present => values.next().is_some(),
        ValueMatch::Absent => values.next().is_none(),
        ValueMatch::Exact(text) => values.any(|value| value.is(text)),
        ValueMatch::Prefix(text) => values.any(|value| value.begins_with(text)),
        ValueMatch::AnyOf(texts) => values.any(|value| texts.iter().any(|text| value.is(text))),
        // What is no text has no match: a regex of ours is over characters.
        ValueMatch::Regex(regex) => values.any(|value| value.text().is_some_and(|text| regex.is_match(&text))),
    }
}

/// Whether a header is what a matcher of a route wants, for whoever else matches headers.
pub fn header_holds(wanted: &ValueMatch, fields: &HeaderMap, name: &HeaderName) -> bool {
    holds(wanted, headers(fields, name))
}

//! What several kinds need.

/// Names and values of header fields as operators write them.
mod field;
/// What follows once it is known who calls.
mod identified;
/// A list that may be written as its only item.
mod one_or_many;
/// What editors are told of a type that is written as a text.
mod text_schema;
/// The field that tells caches what an answer depends on.
mod vary;

use http::{HeaderMap, HeaderName, HeaderValue};
use message::{Cause, Error, Result};
use policy::Step;

pub(crate) use field::{EditableName, Name, Value};
pub(crate) use identified::{identified, several};
pub(crate) use one_or_many::OneOrMany;
pub(crate) use text_schema::text_schema;
pub(crate) use vary::vary;

/// Sets a field. A message takes only so many of them, and what others sent counts as well.
pub(crate) fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) -> Result<()> {
    headers.try_insert(name, value).map(drop).map_err(|_| too_many())
}

/// Adds a line to a field.
pub(crate) fn add(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) -> Result<()> {
    headers.try_append(name, value).map(drop).map_err(|_| too_many())
}

/// What a hook returns that either did its work or failed.
pub(crate) fn step(result: Result<()>) -> Step<'static> {
    match result {
        Ok(()) => Step::Continue,
        Err(error) => Step::Fail(error),
    }
}

#[cold]
fn too_many() -> Error {
    Error::new(Cause::PolicyFailed, "the message has no room for another header field")
}

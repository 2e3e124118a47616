//! `/api/v1/config`: the document as a whole.

use revisions::edit::Edit;
use serde_json::{Map, Value};

use super::{
    call::Call,
    change::{Changed, change, expected_of_document, newest, order},
    query::Parameter,
    tags::{Conditions, Tagged},
};
use listen::Problem;

pub(super) static OF_GET: &[Parameter] =
    &[Parameter::one_of("only", &[("api", "")], "Only what the API keeps of it, and changes.")];

pub(super) async fn get(call: Call) -> Result<Tagged<Map<String, Value>>, Problem> {
    let only_ours = call.query.get("only").is_some();
    let headers = call.headers.clone();
    call.ask(move |gateway| {
        // In this order: who is told an older number than is true is refused later; the other way round they would be let to
        // replace what they have not seen.
        let revision = newest(gateway)?;
        Tagged::new(revision.to_string(), &gateway.document(only_ours), &headers)
    })
    .await?
}

/// Another document in place of what the API keeps.
pub(super) async fn put(call: Call, document: Map<String, Value>) -> Result<Changed, Problem> {
    let conditions = Conditions::read(&call.headers)?;
    let mut order = order(&call, vec![Edit::Replace { document: document.into() }])?;
    let identity = call.identity.clone();
    call.ask(move |gateway| {
        order.expected = expected_of_document(gateway, &conditions)?;
        change(gateway, &identity, order)
    })
    .await?
}

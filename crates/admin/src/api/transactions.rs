//! `POST /api/v1/transactions`: several edits, all or none.

use http::StatusCode;
use revisions::edit::Edit;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    call::Call,
    change::{Changed, change, check_message, expected_of_document, order},
    query::bad,
    tags::Conditions,
};
use listen::Problem;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    /// Why, in your words.
    #[serde(default)]
    message: Option<String>,
    /// Each finds the document as those before it left it.
    edits: Vec<Edit>,
}

pub(super) async fn post(call: Call, Transaction { message, edits }: Transaction) -> Result<Changed, Problem> {
    if edits.is_empty() {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "`edits` is empty, so there is nothing to do"));
    }
    let conditions = Conditions::read(&call.headers)?;
    let mut order = order(&call, edits)?;
    if let Some(message) = message {
        check_message(&message)?;
        if call.query.get("message").is_some() {
            return Err(bad("`message` is given in the address and in the body".to_owned()));
        }
        order.message = message;
    }
    let identity = call.identity.clone();
    call.ask(move |gateway| {
        order.expected = expected_of_document(gateway, &conditions)?;
        change(gateway, &identity, order)
    })
    .await?
}

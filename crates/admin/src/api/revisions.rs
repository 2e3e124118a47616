//! `/api/v1/revisions`: every state that the document has been in.

use ::revisions::{Meta, edit::Edit};
use axum::Json;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use snapshot::Diff;

use super::{
    call::Call,
    change::{Changed, change, expected_of_document, newest, order, refused, unreadable},
    query::Parameter,
    tags::{Conditions, Tagged},
};
use listen::Problem;

pub(super) static OF_LIST: &[Parameter] = &[
    Parameter::number("limit", [1, 1_000], Some(100), "How many are told at most."),
    Parameter::number("before", [1, u64::MAX], None, "The `next` of the page before: only older ones than this."),
];

pub(super) static OF_DIFF: &[Parameter] =
    &[Parameter::number("to", [1, u64::MAX], None, "The other one; the newest, if nobody says.")];

/// A page of revisions.
#[derive(Serialize, JsonSchema)]
pub(super) struct RevisionsTold {
    /// The newest first.
    items: Vec<Meta>,
    /// The `before` of the next page; `None`: this is the last.
    next: Option<u64>,
}

/// A revision with all that it kept.
#[derive(Serialize, JsonSchema)]
pub(super) struct RevisionTold {
    #[serde(flatten)]
    meta: Meta,
    /// What the API kept after the change, without secrets.
    document: Map<String, Value>,
}

pub(super) async fn list(call: Call) -> Result<Tagged<RevisionsTold>, Problem> {
    let (limit, before) = (call.query.count("limit"), call.query.number("before"));
    let headers = call.headers.clone();
    call.ask(move |gateway| {
        let newest = newest(gateway)?;
        let mut items = gateway.revisions(before, limit + 1).map_err(unreadable)?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|last| last.number);
        Tagged::new(newest.to_string(), &RevisionsTold { items, next }, &headers)
    })
    .await?
}

pub(super) async fn get(call: Call) -> Result<Tagged<RevisionTold>, Problem> {
    let (number, headers) = (number(&call)?, call.headers.clone());
    call.ask(move |gateway| {
        let revision = gateway.revision(number).map_err(|error| refused(&error))?;
        let mut document = revision.document.to_map();
        snapshot::redact(&mut document);
        Tagged::new(number.to_string(), &RevisionTold { meta: revision.meta.clone(), document }, &headers)
    })
    .await?
}

/// What another one says otherwise than this.
pub(super) async fn diff(call: Call) -> Result<Json<Diff>, Problem> {
    let (old, new) = (number(&call)?, call.query.number("to"));
    let compared = call.ask(move |gateway| {
        let new = new.map_or_else(|| newest(gateway), Ok)?;
        gateway.compare(old, new).map_err(|error| refused(&error))
    });
    compared.await?.map(Json)
}

/// The document as it was then, as a new revision.
pub(super) async fn rollback(call: Call) -> Result<Changed, Problem> {
    let number = number(&call)?;
    let conditions = Conditions::read(&call.headers)?;
    let mut order = order(&call, Vec::new())?;
    if order.message.is_empty() {
        order.message = format!("back to revision {number}");
    }
    let identity = call.identity.clone();
    call.ask(move |gateway| {
        order.expected = expected_of_document(gateway, &conditions)?;
        let revision = gateway.revision(number).map_err(|error| refused(&error))?;
        order.edits = vec![Edit::Replace { document: (*revision.document).clone() }];
        change(gateway, &identity, order)
    })
    .await?
}

/// The one in the address, in the only spelling that it has.
fn number(call: &Call) -> Result<u64, Problem> {
    let id = call.id();
    let number = id.parse::<u64>().ok().filter(|number| *number > 0 && number.to_string() == id);
    number.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no revision `{id}`; revisions have numbers, from 1"))
    })
}

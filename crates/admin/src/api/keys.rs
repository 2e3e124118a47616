//! `/api/v1/consumers/{name}/keys`: keys that are made, rotated and revoked.
//!
//! A key is told once, by the answer that it was made in. The document, and whatever is made of it, gets its hash.

use std::time::SystemTime;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use listen::Problem;
use model::{
    FromText,
    values::{DateOrTime, Duration, Name},
};
use revisions::edit::List;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snapshot::{ChangeError, ChangeOrder, ChangeTold, Expected, Finding, KeyOrder, KeyTold, NewKey, ObjectTold};

use super::{
    call::Call,
    change::refused,
    objects::missing,
    operation::{Answer, Shape},
    query::bad,
};
use crate::Gateway;

/// One more key.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MakeKey {
    /// What operators call it; left out: the first digits of its hash.
    id: Option<String>,
    /// From when on it shows nothing: a date or a moment; left out: it always does.
    not_after: Option<String>,
}

/// A new key in place of all others.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RotateKeys {
    /// How long the others hold still; left out: a day.
    overlap: Option<String>,
    /// From when on the new one shows nothing.
    not_after: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct KeysTold {
    keys: Vec<KeyTold>,
}

/// A key that was just made.
#[derive(Serialize, JsonSchema)]
pub(super) struct KeyMade {
    /// Told this once.
    key: String,
    id: String,
    not_after: Option<String>,
    /// All keys that the consumer has now.
    keys: Vec<KeyTold>,
    /// The number of the revision that has it.
    revision: Option<u64>,
    warnings: Vec<Finding>,
}

/// Something new.
pub(super) struct Made(KeyMade);

/// How long old keys hold by default.
const OVERLAP: Duration = Duration(std::time::Duration::from_hours(24));

/// How often a change is tried again that somebody else was faster than.
const TRIES: usize = 3;

pub(super) async fn list(call: Call) -> Result<Json<KeysTold>, Problem> {
    let name = call.id();
    call.ask(move |gateway| Ok(Json(KeysTold { keys: told(gateway, &find(gateway, &name)?) }))).await?
}

pub(super) async fn make(call: Call, MakeKey { id, not_after }: MakeKey) -> Result<Made, Problem> {
    let id = id.map(|id| value::<Name>("id", &id)).transpose()?;
    let (name, author, not_after) = (call.id(), call.author(), end(not_after)?);
    call.ask(move |gateway| {
        let key = new_key()?;
        let id = id.as_ref().map(|Name(id)| &**id);
        let changed = change(gateway, &name, &author, &KeyOrder::Make { key: &key, id, not_after }, "a new key")?;
        made(gateway, &name, &key, id, changed).map(Made)
    })
    .await?
}

pub(super) async fn rotate(call: Call, RotateKeys { overlap, not_after }: RotateKeys) -> Result<Made, Problem> {
    let Duration(overlap) = overlap.map(|overlap| value("overlap", &overlap)).transpose()?.unwrap_or(OVERLAP);
    let (name, author, not_after) = (call.id(), call.author(), end(not_after)?);
    call.ask(move |gateway| {
        let key = new_key()?;
        let order = KeyOrder::Rotate { key: &key, overlap, not_after };
        let changed = change(gateway, &name, &author, &order, "keys rotated")?;
        made(gateway, &name, &key, None, changed).map(Made)
    })
    .await?
}

pub(super) async fn revoke(call: Call) -> Result<Json<ChangeTold>, Problem> {
    let (name, id, author) = (call.id(), call.inner_id(), call.author());
    call.ask(move |gateway| change(gateway, &name, &author, &KeyOrder::Revoke { id: &id }, "a key revoked").map(Json))
        .await?
}

/// Makes the change, of the consumer as it is: who writes at the same time is not undone.
fn change(
    gateway: &dyn Gateway,
    name: &str,
    author: &str,
    order: &KeyOrder<'_>,
    what: &str,
) -> Result<ChangeTold, Problem> {
    let mut tries = 0;
    loop {
        let consumer = find(gateway, name)?;
        let edit = order.edit(name, &consumer.object, SystemTime::now());
        let edit = edit.map_err(|missing| Problem::new(StatusCode::NOT_FOUND, missing.to_string()))?;
        let seen = Expected::Object { list: List::Consumers, name: name.to_owned(), tag: Some(consumer.tag) };
        let order = ChangeOrder {
            edits: vec![edit],
            expected: vec![seen],
            author: author.to_owned(),
            message: format!("{what} of the consumer {name}"),
            ..ChangeOrder::default()
        };
        tries += 1;
        match gateway.change(order) {
            Err(ChangeError::Unexpected(_)) if tries < TRIES => {}
            changed => return changed.map_err(|error| refused(&error)),
        }
    }
}

fn find(gateway: &dyn Gateway, name: &str) -> Result<ObjectTold, Problem> {
    gateway.consumer(name).ok_or_else(|| missing(gateway, List::Consumers, name))
}

fn told(gateway: &dyn Gateway, consumer: &ObjectTold) -> Vec<KeyTold> {
    KeyTold::of(&consumer.object, &gateway.keys_used(&consumer.name), SystemTime::now())
}

fn made(
    gateway: &dyn Gateway,
    name: &str,
    key: &NewKey,
    id: Option<&str>,
    changed: ChangeTold,
) -> Result<KeyMade, Problem> {
    let (keys, id) = (told(gateway, &find(gateway, name)?), id.map_or_else(|| key.id(), str::to_owned));
    Ok(KeyMade {
        key: key.reveal().to_owned(),
        not_after: keys.iter().find(|told| told.id == id).and_then(|told| told.not_after.clone()),
        id,
        keys,
        revision: changed.revision.map(|revision| revision.number),
        warnings: changed.warnings,
    })
}

/// From the operating system.
fn new_key() -> Result<NewKey, Problem> {
    let secret = message::secret().map_err(|error| {
        let detail = format!("the operating system gives no randomness: {error}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })?;
    Ok(NewKey::of(&secret))
}

fn end(written: Option<String>) -> Result<Option<SystemTime>, Problem> {
    let Some(written) = written else { return Ok(None) };
    let DateOrTime(end) = value("not_after", &written)?;
    match end > SystemTime::now() {
        true => Ok(Some(end)),
        false => Err(bad(format!("`not_after`: `{written}` is over"))),
    }
}

fn value<T: FromText>(key: &str, text: &str) -> Result<T, Problem> {
    T::from_text(text).map_err(|why| bad(format!("`{key}`: {why}")))
}

// === impl Made ===

impl IntoResponse for Made {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl Answer for Made {
    fn shape() -> Shape {
        Shape::told::<KeyMade>()
    }
}

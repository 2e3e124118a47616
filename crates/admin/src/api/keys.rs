//! `/api/v1/consumers/{name}/keys`: keys that are made, rotated and revoked.
//!
//! A key is told once, by the answer that it was made in. The document, and whatever is made of it, gets its hash.

use std::time::SystemTime;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
};
use http::StatusCode;
use model::{
    FromText,
    values::{DateOrTime, Duration, Name},
};
use revisions::edit::List;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use snapshot::{ChangeError, ChangeOrder, ChangeTold, Expected, Finding, KeyOrder, KeyTold, NewKey, ObjectTold};
use tokio::task::spawn_blocking;

use super::{Api, body};
use crate::{Gateway, problem::Problem};

/// One more key.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Make {
    /// What operators call it; left out: the first digits of its hash.
    id: Option<String>,
    /// From when on it shows nothing: a date or a moment; left out: it always does.
    not_after: Option<String>,
}

/// A new key in place of all others.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rotate {
    /// How long the others hold still; left out: a day.
    overlap: Option<String>,
    /// From when on the new one shows nothing.
    not_after: Option<String>,
}

#[derive(Serialize)]
pub(super) struct KeysTold {
    keys: Vec<KeyTold>,
}

/// A key that was just made.
#[derive(Serialize)]
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

/// How long old keys hold by default.
const OVERLAP: Duration = Duration(std::time::Duration::from_hours(24));

/// How often a change is tried again that somebody else was faster than.
const TRIES: usize = 3;

/// Who is asking, as long as there is one token only.
const AUTHOR: &str = "admin";

pub(super) async fn list(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<KeysTold>, Problem> {
    ask(api, move |gateway| {
        let consumer = find(gateway, &name)?;
        Ok(Json(KeysTold { keys: told(gateway, &consumer) }))
    })
    .await
}

pub(super) async fn make(
    State(api): State<Api>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<KeyMade>), Problem> {
    let Make { id, not_after } = read(body, r#"{"id":"ci","not_after":"2030-01-01"}"#)?;
    let id = id.map(|id| value::<Name>("id", &id)).transpose()?;
    let not_after = end(not_after)?;
    ask(api, move |gateway| {
        let key = new_key()?;
        let id = id.as_ref().map(|Name(id)| &**id);
        let changed = change(gateway, &name, &KeyOrder::Make { key: &key, id, not_after }, "a new key")?;
        Ok((StatusCode::CREATED, Json(made(gateway, &name, &key, id, changed)?)))
    })
    .await
}

pub(super) async fn rotate(
    State(api): State<Api>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<KeyMade>), Problem> {
    let Rotate { overlap, not_after } = read(body, r#"{"overlap":"24h"}"#)?;
    let Duration(overlap) = overlap.map(|overlap| value("overlap", &overlap)).transpose()?.unwrap_or(OVERLAP);
    let not_after = end(not_after)?;
    ask(api, move |gateway| {
        let key = new_key()?;
        let changed = change(gateway, &name, &KeyOrder::Rotate { key: &key, overlap, not_after }, "keys rotated")?;
        Ok((StatusCode::CREATED, Json(made(gateway, &name, &key, None, changed)?)))
    })
    .await
}

pub(super) async fn revoke(
    State(api): State<Api>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<ChangeTold>, Problem> {
    ask(api, move |gateway| change(gateway, &name, &KeyOrder::Revoke { id: &id }, "a key revoked").map(Json)).await
}

/// Makes the change, of the consumer as it is: who writes at the same time is not undone.
fn change(gateway: &dyn Gateway, name: &str, order: &KeyOrder<'_>, what: &str) -> Result<ChangeTold, Problem> {
    let mut tries = 0;
    loop {
        let consumer = find(gateway, name)?;
        let edit = order.edit(name, &consumer.object, SystemTime::now());
        let edit = edit.map_err(|missing| Problem::new(StatusCode::NOT_FOUND, missing.to_string()))?;
        let seen = Expected::Object { list: List::Consumers, name: name.to_owned(), tag: Some(consumer.tag) };
        let order = ChangeOrder {
            edits: vec![edit],
            expected: vec![seen],
            author: AUTHOR.to_owned(),
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
    let objects = gateway.objects(List::Consumers);
    let known: Vec<_> = objects.iter().map(|object| object.name.clone()).collect();
    objects.into_iter().find(|object| object.name == name).ok_or_else(|| {
        let detail = match model::nearest(name, known.iter().map(String::as_str)) {
            Some(nearest) => format!("there is no consumer `{name}`; did you mean `{nearest}`?"),
            None => format!("there is no consumer `{name}`"),
        };
        Problem::new(StatusCode::NOT_FOUND, detail)
    })
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
    let mut random = [0; NewKey::RANDOM];
    let mut filled = 0;
    while filled < random.len() {
        filled += getrandom(&mut random[filled..], GetRandomFlags::empty()).map_err(|error| {
            let detail = format!("the operating system gives no randomness: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })?;
    }
    Ok(NewKey::of(&random))
}

/// A body may be left out: every key of it may.
fn read<T: DeserializeOwned + Default>(body: Result<Bytes, BytesRejection>, example: &str) -> Result<T, Problem> {
    let body = body::read(body, "an order")?;
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&body).map_err(|error| bad(format!("the body is no order such as {example}: {error}")))
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

fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn refused(error: &ChangeError) -> Problem {
    let status = match error {
        ChangeError::Edit(_) | ChangeError::NoRevision(_) => StatusCode::NOT_FOUND,
        ChangeError::NotOurs { .. } => StatusCode::CONFLICT,
        ChangeError::Unexpected(_) => StatusCode::PRECONDITION_FAILED,
        ChangeError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ChangeError::ReadOnly(_) => StatusCode::FORBIDDEN,
        ChangeError::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, error.to_string())
}

async fn ask<T: Send + 'static>(
    api: Api,
    ask: impl FnOnce(&dyn Gateway) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let answer = spawn_blocking(move || ask(&*api.gateway)).await;
    answer.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer broke off"))?
}

//! Eureka's REST operations, as clients of Netflix and Spring Cloud send them: in JSON, or in XML, which is what a client
//! gets that does not ask for JSON.
//!
//! What is left out is what servers say among themselves.

/// What clients say.
mod read;
/// What they are told.
mod write;
/// XML, as the same values as JSON.
mod xml;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http::{HeaderMap, StatusCode, header};
use listen::Problem;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::{
    core::{Core, Dialect, Instance, Key, Refusal, Registered, Status},
    front::{Asked, Query},
    registry::Shared,
};

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/apps", get(all))
        .route("/apps/delta", get(delta))
        .route("/apps/{app}", post(register).get(app))
        .route("/apps/{app}/{id}", put(renew).get(instance).delete(cancel))
        .route("/apps/{app}/{id}/status", put(set_status).delete(clear_status))
        .route("/apps/{app}/{id}/metadata", put(set_metadata))
        .route("/instances/{id}", get(by_id))
        .route("/vips/{vip}", get(by_vip))
        .route("/svips/{vip}", get(by_secure_vip))
}

type Named = Path<(String, String)>;
type Answer = Result<Response, Problem>;

/// Answers once it is on disk.
async fn register(State(shared): Asked, Path(app): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    let is_xml = mentions(&headers, header::CONTENT_TYPE, "xml");
    let instance = read::instance(&body, is_xml, &app).map_err(Refusal::Bad);
    instance.and_then(|instance| shared.register(instance)).map_err(|refusal| refused(&shared, &refusal))?;
    shared.kept().await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 404 has a client register again: because it is not known, or because it says that something has changed since it was.
async fn renew(State(shared): Asked, Path((app, id)): Named, query: Query) -> Answer {
    let key = Key::new(&app, &id);
    let said = query.get("lastDirtyTimestamp").and_then(|said| said.parse::<u64>().ok());
    let renewed = shared.change(|core, now| {
        let known = core.get(&key).and_then(|known| known.instance.eureka.as_ref()).map(|words| words.last_dirty);
        match (said, known) {
            (Some(said), Some(known)) if said > known => {
                Err(Refusal::Unknown("the instance has changed since it registered; register it again".to_owned()))
            }
            _ => core.renew(&key, now),
        }
    });
    renewed.map_err(|refusal| refused(&shared, &refusal))?;
    shared.counters.renewals.count(Dialect::Eureka);
    Ok(StatusCode::OK.into_response())
}

async fn cancel(State(shared): Asked, Path((app, id)): Named) -> Answer {
    let key = Key::new(&app, &id);
    shared.change(|core, now| core.remove(&key, now)).map_err(|refusal| refused(&shared, &refusal))?;
    shared.kept().await;
    Ok(StatusCode::OK.into_response())
}

/// What an operator says, which counts more than what the instance says.
async fn set_status(State(shared): Asked, Path((app, id)): Named, query: Query) -> Answer {
    let value = query.get("value").unwrap_or_default();
    let status = read::status(value).map_err(|detail| refused(&shared, &Refusal::Bad(detail)))?;
    update(&shared, &Key::new(&app, &id), &query, |instance| instance.overridden = status).await
}

/// The instance counts again, as what it says, or as what the request says for it.
async fn clear_status(State(shared): Asked, Path((app, id)): Named, query: Query) -> Answer {
    let status = query.get("value").map_or(Ok(None), read::status);
    let status = status.map_err(|detail| refused(&shared, &Refusal::Bad(detail)))?;
    let change = |instance: &mut Instance| {
        instance.overridden = None;
        instance.status = status.unwrap_or(instance.status);
    };
    update(&shared, &Key::new(&app, &id), &query, change).await
}

async fn set_metadata(State(shared): Asked, Path((app, id)): Named, query: Query) -> Answer {
    let change = |instance: &mut Instance| {
        instance.labels.extend(query.iter().map(|(name, value)| (Arc::from(name), Arc::from(value))));
        let weight = query.get("weight").and_then(|weight| weight.parse().ok());
        instance.weight = weight.unwrap_or(instance.weight);
    };
    update(&shared, &Key::new(&app, &id), &Query::default(), change).await
}

async fn update(shared: &Shared, key: &Key, query: &Query, change: impl FnOnce(&mut Instance)) -> Answer {
    let said = query.get("lastDirtyTimestamp").and_then(|said| said.parse::<u64>().ok());
    let updated = shared.change(|core, now| {
        core.update(key, now, |instance| {
            change(instance);
            if let (Some(words), Some(said)) = (&mut instance.eureka, said) {
                words.last_dirty = words.last_dirty.max(said);
            }
        })
    });
    updated.map_err(|refusal| refused(shared, &refusal))?;
    shared.kept().await;
    Ok(StatusCode::OK.into_response())
}

async fn all(State(shared): Asked, headers: HeaderMap) -> Answer {
    let (hash, instances) = {
        let core = shared.core();
        (write::hash_of(|status| core.count(status)), everything(&core))
    };
    whole(shared, &headers, move || write::applications(&hash, instances.iter().map(|instance| (&**instance, None))))
        .await
}

/// The changes of the last three minutes, with the hash code of everything: who has applied them all has that one too.
async fn delta(State(shared): Asked, headers: HeaderMap) -> Answer {
    let (hash, changes) = shared.change(|core, now| (write::hash_of(|status| core.count(status)), core.changes(now)));
    let write = move || {
        let changes = changes.iter().map(|change| (&*change.instance, Some(change.action)));
        write::applications(&hash, changes)
    };
    whole(shared, &headers, write).await
}

async fn app(State(shared): Asked, Path(app): Path<String>, headers: HeaderMap) -> Answer {
    let service = app.to_ascii_lowercase();
    let found: Vec<_> = {
        let core = shared.core();
        core.services().get(&*service).into_iter().flat_map(|service| service.instances.values()).cloned().collect()
    };
    if found.is_empty() {
        let detail = format!("there is no application `{}`", app.escape_debug());
        return Err(refused(&shared, &Refusal::Unknown(detail)));
    }
    let found: Vec<_> = found.iter().map(|instance| write::instance(instance, None)).collect();
    let told = write::application(&service, &found);
    Ok(written(&headers, "application", &told))
}

async fn instance(State(shared): Asked, Path((app, id)): Named, headers: HeaderMap) -> Answer {
    let key = Key::new(&app, &id);
    let found = shared.core().get(&key).cloned();
    let found = found.ok_or_else(|| refused(&shared, &Refusal::unknown_instance(&key)))?;
    Ok(written(&headers, "instance", &write::instance(&found, None)))
}

async fn by_id(State(shared): Asked, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    let found = shared.core().with_id(&id).first().map(|found| Arc::clone(found));
    let unknown = || Refusal::Unknown(format!("there is no instance `{}` of whatever application", id.escape_debug()));
    let found = found.ok_or_else(|| refused(&shared, &unknown()))?;
    Ok(written(&headers, "instance", &write::instance(&found, None)))
}

async fn by_vip(State(shared): Asked, Path(vip): Path<String>, headers: HeaderMap) -> Answer {
    named(shared, &headers, &vip, write::vip).await
}

async fn by_secure_vip(State(shared): Asked, Path(vip): Path<String>, headers: HeaderMap) -> Answer {
    named(shared, &headers, &vip, write::secure_vip).await
}

/// The instances with a virtual host name, of which one may have several, separated by commas.
async fn named(shared: Arc<Shared>, headers: &HeaderMap, vip: &str, of: fn(&Instance) -> &str) -> Answer {
    let is_named =
        |instance: &Registered| of(&instance.instance).split(',').any(|name| name.trim().eq_ignore_ascii_case(vip));
    let mut found = everything(&shared.core());
    found.retain(|instance| is_named(instance));
    if found.is_empty() {
        let detail = format!("there is no instance with the virtual host name `{}`", vip.escape_debug());
        return Err(refused(&shared, &Refusal::Unknown(detail)));
    }
    let count = |status: Status| found.iter().filter(|instance| instance.status() == status).count();
    let hash = write::hash_of(count);
    whole(shared, headers, move || write::applications(&hash, found.iter().map(|instance| (&**instance, None)))).await
}

fn everything(core: &Core) -> Vec<Arc<Registered>> {
    core.services().values().flat_map(|service| service.instances.values()).cloned().collect()
}

/// An answer that may be large: one at a time, and on a thread that may take its time.
async fn whole(shared: Arc<Shared>, headers: &HeaderMap, write: impl FnOnce() -> Value + Send + 'static) -> Answer {
    let headers = headers.clone();
    let _turn = shared.turn.lock().await;
    let response = spawn_blocking(move || written(&headers, "applications", &write())).await;
    response.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written"))
}

fn written(headers: &HeaderMap, name: &str, value: &Value) -> Response {
    let (kind, text) = if mentions(headers, header::ACCEPT, "json") {
        ("application/json", serde_json::json!({ name: value }).to_string())
    } else {
        ("application/xml", xml::write(name, value))
    };
    ([(header::CONTENT_TYPE, kind), (header::VARY, "accept")], text).into_response()
}

fn mentions(headers: &HeaderMap, name: header::HeaderName, what: &str) -> bool {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.to_ascii_lowercase().contains(what))
}

fn refused(shared: &Shared, refusal: &Refusal) -> Problem {
    let (status, detail) = shared.refused(Dialect::Eureka, refusal);
    Problem::new(status, detail)
}

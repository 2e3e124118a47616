//! What services ask of their agent.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use listen::Peer;
use serde_json::{Map, Value, json};

use super::{Answer, Refused, fields::Fields, refused, register as read, told};
use crate::{
    core::{CheckStatus, Core, Dialect, Instance, Key, Refusal, Registered, Status},
    front::{Asked, Query},
    registry::Shared,
};

pub(super) async fn itself() -> Json<Value> {
    Json(json!({
        "Config": {
            "Datacenter": told::DATACENTER,
            "NodeName": told::NODE,
            "Server": true,
            "Version": env!("CARGO_PKG_VERSION"),
        },
        "Member": { "Name": told::NODE, "Addr": "127.0.0.1", "Port": 8301, "Status": 1, "Tags": {} },
        "Meta": {},
    }))
}

pub(super) async fn services(State(shared): Asked, query: Query) -> Answer {
    no_filter(&shared, &query)?;
    let core = shared.core();
    let all = core.services().values().flat_map(|service| service.instances.values());
    let services: Map<String, Value> = all.map(|one| (one.instance.key.id.to_string(), told::service(one))).collect();
    drop(core);
    Ok(Json(services).into_response())
}

pub(super) async fn service(State(shared): Asked, Path(id): Path<String>) -> Answer {
    let found = {
        let core = shared.core();
        owner(&core, &id).and_then(|key| core.get(&key).cloned().ok_or_else(|| Refusal::unknown_instance(&key)))
    };
    let found = found.map_err(|refusal| refused(&shared, &refusal))?;
    Ok(Json(told::service(&found)).into_response())
}

pub(super) async fn checks(State(shared): Asked, query: Query) -> Answer {
    no_filter(&shared, &query)?;
    let core = shared.core();
    let all = core.services().values().flat_map(|service| service.instances.values());
    let checks: Map<String, Value> = all
        .flat_map(|one| told::checks(one))
        .map(|check| (check["CheckID"].as_str().unwrap_or_default().to_owned(), check))
        .collect();
    drop(core);
    Ok(Json(checks).into_response())
}

/// Answers once it is on disk. An id is one service's: who registers with it under another name has changed its name.
pub(super) async fn register(State(shared): Asked, Extension(peer): Extension<Peer>, body: Bytes) -> Answer {
    let instance = read::instance(&body, peer.ip()).map_err(Refusal::Bad);
    let registered = instance.and_then(|instance| {
        let key = instance.key.clone();
        let registered = shared.register(instance)?;
        shared.change(|core, now| {
            for renamed in of_consul(core, &key.id).into_iter().filter(|other| *other != key) {
                // It is there: it was found in the same breath.
                _ = core.remove(&renamed, now);
            }
        });
        Ok(registered)
    });
    registered.map_err(|refusal| refused(&shared, &refusal))?;
    done(&shared).await
}

pub(super) async fn deregister(State(shared): Asked, Path(id): Path<String>) -> Answer {
    let removed = shared.change(|core, now| owner(core, &id).and_then(|key| core.remove(&key, now)));
    removed.map_err(|refusal| refused(&shared, &refusal))?;
    done(&shared).await
}

/// Nothing new for it, until operators say otherwise.
pub(super) async fn maintenance(State(shared): Asked, Path(id): Path<String>, query: Query) -> Answer {
    let enable = match query.get("enable") {
        Some("true" | "True" | "1") => Some(Status::Draining),
        Some("false" | "False" | "0") => None,
        _ => {
            let what = "maintenance wants to know `?enable=true` or `?enable=false`";
            return Err(refused(&shared, &Refusal::Bad(what.to_owned())));
        }
    };
    update_instance(&shared, &id, |instance| instance.overridden = enable).await
}

pub(super) async fn register_check(State(shared): Asked, body: Bytes) -> Answer {
    let check = |known: &Registered, fields: Fields<'_>| -> Result<_, String> {
        let name = fields.text("name")?.unwrap_or("check");
        read::check(fields, name, &known.instance.key.service, &known.instance.host)
    };
    let added = (|| {
        let value: Value =
            serde_json::from_slice(&body).map_err(|error| Refusal::Bad(format!("the body is no check: {error}")))?;
        let fields = Fields::of(&value, "the body").map_err(Refusal::Bad)?;
        let id = fields.text("serviceid").map_err(Refusal::Bad)?;
        let id =
            id.ok_or_else(|| Refusal::Bad("a check of no service is not kept; name one in `ServiceID`".to_owned()))?;
        let known = {
            let core = shared.core();
            let key = owner(&core, id)?;
            core.get(&key).cloned().ok_or_else(|| Refusal::unknown_instance(&key))?
        };
        let check = check(&known, fields).map_err(Refusal::Bad)?;
        let mut instance = known.instance.clone();
        instance.checks.retain(|other| other.id != check.id);
        instance.checks.push(check);
        shared.register(instance)
    })();
    added.map_err(|refusal| refused(&shared, &refusal))?;
    done(&shared).await
}

pub(super) async fn deregister_check(State(shared): Asked, Path(id): Path<String>) -> Answer {
    let key = shared.core().with_check(&id).map(|owner| owner.instance.key.clone());
    let unknown = || Refusal::Unknown(format!("there is no check `{}`", id.escape_debug()));
    let key = key.ok_or_else(|| refused(&shared, &unknown()))?;
    let removed =
        shared.change(|core, now| core.update(&key, now, |instance| instance.checks.retain(|check| *check.id != *id)));
    removed.map_err(|refusal| refused(&shared, &refusal))?;
    done(&shared).await
}

pub(super) async fn pass(state: Asked, id: Path<String>, query: Query) -> Answer {
    say(&state, &id, CheckStatus::Passing, query.get("note").unwrap_or_default())
}

pub(super) async fn warn(state: Asked, id: Path<String>, query: Query) -> Answer {
    say(&state, &id, CheckStatus::Warning, query.get("note").unwrap_or_default())
}

pub(super) async fn fail(state: Asked, id: Path<String>, query: Query) -> Answer {
    say(&state, &id, CheckStatus::Critical, query.get("note").unwrap_or_default())
}

/// `{"Status": "passing", "Output": "…"}`
pub(super) async fn update(State(shared): Asked, Path(id): Path<String>, body: Bytes) -> Answer {
    let read = || -> Result<(CheckStatus, String), String> {
        let example = r#"{"Status":"passing"}"#;
        let value: Value =
            serde_json::from_slice(&body).map_err(|error| format!("the body is no {example}: {error}"))?;
        let fields = Fields::of(&value, "the body")?;
        let status = fields.text("status")?.map_or(Ok(CheckStatus::Passing), read::status)?;
        Ok((status, fields.text("output")?.unwrap_or_default().to_owned()))
    };
    let (status, output) = read().map_err(|detail| refused(&shared, &Refusal::Bad(detail)))?;
    say(&shared, &id, status, &output)
}

/// A heartbeat. It is not waited for: what it says is forgotten with the next start anyway.
fn say(shared: &Shared, id: &str, status: CheckStatus, output: &str) -> Answer {
    shared.change(|core, now| core.set_check(id, status, output, now)).map_err(|refusal| refused(shared, &refusal))?;
    shared.counters.renewals.count(Dialect::Consul);
    Ok(StatusCode::OK.into_response())
}

async fn update_instance(shared: &Arc<Shared>, id: &str, change: impl FnOnce(&mut Instance)) -> Answer {
    let updated = shared.change(|core, now| owner(core, id).and_then(|key| core.update(&key, now, change)));
    updated.map_err(|refusal| refused(shared, &refusal))?;
    done(shared).await
}

async fn done(shared: &Shared) -> Result<Response, Refused> {
    shared.kept().await;
    Ok(StatusCode::OK.into_response())
}

/// Whose id it is. An agent has one service of an id; here it may be one of several, that registered in other dialects.
fn owner(core: &Core, id: &str) -> Result<Key, Refusal> {
    let all: Vec<Key> = core.with_id(id).into_iter().map(|found| found.instance.key.clone()).collect();
    let ours = of_consul(core, id);
    match (ours.as_slice(), all.as_slice()) {
        ([key], _) | ([], [key]) => Ok(key.clone()),
        ([], []) => Err(Refusal::Unknown(format!(
            "there is no service with the id `{}`; register it (again)",
            id.escape_debug()
        ))),
        (_, several) => {
            let services: BTreeMap<&str, ()> = several.iter().map(|key| (&*key.service, ())).collect();
            let services: Vec<&str> = services.into_keys().collect();
            let id = id.escape_debug();
            Err(Refusal::Ambiguous(format!("`{id}` is an id in several services: {}", services.join(", "))))
        }
    }
}

fn of_consul(core: &Core, id: &str) -> Vec<Key> {
    let found = core.with_id(id).into_iter().filter(|found| found.instance.dialect == Dialect::Consul);
    found.map(|found| found.instance.key.clone()).collect()
}

fn no_filter(shared: &Shared, query: &Query) -> Result<(), Refused> {
    super::health::no_filter(query).map_err(|detail| refused(shared, &Refusal::Bad(detail)))
}

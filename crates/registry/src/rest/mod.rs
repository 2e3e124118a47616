//! Our own API.
//!
//! | | |
//! |---|---|
//! | `GET /v1/services` | the services |
//! | `GET /v1/services/{service}`, `…/instances` | the instances of one; with `?index=&wait=`, once they have changed |
//! | `PUT …/instances/{id}` | registers |
//! | `PUT …/instances/{id}/heartbeat` | goes on living |
//! | `PATCH …/instances/{id}` | changes weight, labels, status, or what operators say of it |
//! | `DELETE …/instances/{id}` | is gone |

/// What is said to it.
mod said;
/// What it says.
mod told;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use http::{HeaderValue, StatusCode, header};
use listen::Problem;
use serde_json::{Value, json};

use crate::{
    core::{Dialect, Key, Refusal, Status},
    front::{Asked, Query},
    registry::Shared,
};
use said::{Change, Registering};

pub(crate) fn router() -> Router<std::sync::Arc<Shared>> {
    Router::new()
        .route("/v1/services", get(services))
        .route("/v1/services/{service}", get(instances))
        .route("/v1/services/{service}/instances", get(instances))
        .route("/v1/services/{service}/instances/{id}", put(register).get(instance).patch(change).delete(remove))
        .route("/v1/services/{service}/instances/{id}/heartbeat", put(heartbeat).post(heartbeat))
}

type Named = Path<(String, String)>;

async fn services(State(shared): Asked, query: Query) -> Result<Json<Value>, Problem> {
    let asked = query.blocking().map_err(bad)?;
    let (index, services) = shared
        .look(None, asked, |core, _| {
            let service = |(name, service): (&std::sync::Arc<str>, &crate::core::Service)| {
                let up = service.instances.values().filter(|instance| instance.status() == Status::Up).count();
                json!({ "name": name, "instances": service.instances.len(), "up": up, "index": service.index })
            };
            core.services().iter().map(service).collect::<Vec<_>>()
        })
        .await;
    Ok(Json(json!({ "index": index, "services": services })))
}

/// Those of a service that nobody registered for are none: whoever waits for the first one waits here.
async fn instances(State(shared): Asked, Path(service): Path<String>, query: Query) -> Result<Json<Value>, Problem> {
    let asked = query.blocking().map_err(bad)?;
    let wanted = query.get("status").map(|status| status.parse::<Status>()).transpose().map_err(bad)?;
    let service = service.to_ascii_lowercase();
    let (index, instances) = shared
        .look(Some(&service), asked, |core, _| {
            let instances = core.services().get(&*service).into_iter().flat_map(|service| service.instances.values());
            instances.cloned().collect::<Vec<_>>()
        })
        .await;
    let instances = instances.iter().filter(|instance| wanted.is_none_or(|wanted| instance.status() == wanted));
    let instances: Vec<Value> = instances.map(|instance| told::instance(instance)).collect();
    Ok(Json(json!({ "index": index, "name": service, "instances": instances })))
}

async fn instance(State(shared): Asked, Path((service, id)): Named) -> Result<Json<Value>, Problem> {
    let key = Key::new(&service, &id);
    let found = shared.core().get(&key).cloned();
    let found = found.ok_or_else(|| refused(&shared, &Refusal::unknown_instance(&key)))?;
    Ok(Json(told::instance(&found)))
}

/// Answers once it is on disk.
async fn register(State(shared): Asked, Path((service, id)): Named, body: Bytes) -> Result<Response, Problem> {
    let registering: Registering = parsed(&shared, &body, "registration", said::REGISTERING)?;
    let instance = registering.instance(Key::new(&service, &id)).map_err(Refusal::Bad);
    let registered = instance.and_then(|instance| shared.register(instance));
    let registered = registered.map_err(|refusal| refused(&shared, &refusal))?;
    shared.kept().await;
    let status = if registered.created == registered.modified { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(told::instance(&registered))).into_response();
    let key = &registered.instance.key;
    // An id may have characters that are none of a path.
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/services/{}/instances/{}", key.service, key.id)) {
        response.headers_mut().insert(header::CONTENT_LOCATION, place);
    }
    Ok(response)
}

async fn heartbeat(State(shared): Asked, Path((service, id)): Named) -> Result<StatusCode, Problem> {
    let key = Key::new(&service, &id);
    shared.change(|core, now| core.renew(&key, now)).map_err(|refusal| refused(&shared, &refusal))?;
    shared.counters.renewals.count(Dialect::Rest);
    Ok(StatusCode::NO_CONTENT)
}

async fn change(State(shared): Asked, Path((service, id)): Named, body: Bytes) -> Result<Json<Value>, Problem> {
    let change: Change = parsed(&shared, &body, "change", said::CHANGE)?;
    let key = Key::new(&service, &id);
    let changed = shared.change(|core, now| core.update(&key, now, |instance| change.apply(instance)));
    let changed = changed.map_err(|refusal| refused(&shared, &refusal))?;
    shared.kept().await;
    Ok(Json(told::instance(&changed)))
}

async fn remove(State(shared): Asked, Path((service, id)): Named) -> Result<StatusCode, Problem> {
    let key = Key::new(&service, &id);
    shared.change(|core, now| core.remove(&key, now)).map_err(|refusal| refused(&shared, &refusal))?;
    shared.kept().await;
    Ok(StatusCode::NO_CONTENT)
}

fn parsed<T: serde::de::DeserializeOwned>(
    shared: &Shared,
    body: &[u8],
    what: &str,
    example: &str,
) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| refused(shared, &Refusal::Bad(format!("the body is no {what} such as {example}: {error}"))))
}

fn refused(shared: &Shared, refusal: &Refusal) -> Problem {
    let (status, detail) = shared.refused(Dialect::Rest, refusal);
    Problem::new(status, detail)
}

fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

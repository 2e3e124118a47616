//! The agent's HTTP API, as far as clients of services use it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, request::Parts};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    Fault, Shared,
    instance::{Instance, Status},
    query::{Query, decoded},
    register,
    state::State,
};
use crate::body::{self, Body};

/// What is said, before faults have their way with it.
enum Said {
    /// JSON, and the index if the question may be asked as a blocking query.
    Json(Value, Option<u64>),
    Text(StatusCode, String),
    Done,
}

/// Parameters that every question may have.
const COMMON: &[&str] = &["index", "wait", "dc", "ns", "token", "stale", "consistent", "cached"];

pub(super) async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (is_allowed, is_deaf) = {
        let mut state = shared.state();
        state.asked.push(head.uri.to_string());
        let is_allowed = state.token.is_none() || state.token.as_deref() == shown(&head.headers);
        (is_allowed, matches!(state.fault, Some(Fault::Hang | Fault::Status(_))))
    };
    let said = match body.collect().await {
        Err(_) => refused(StatusCode::BAD_REQUEST, "the body broke off"),
        Ok(_) if !is_allowed => {
            refused(StatusCode::FORBIDDEN, "Permission denied: token with AccessorID lacks permission")
        }
        Ok(_) if is_deaf && head.method != Method::GET => Said::Done,
        Ok(body) => match route(shared, &head, &body.to_bytes()).await {
            Ok(said) | Err(said) => said,
        },
    };
    let fault = shared.state().fault.clone();
    told(said, fault).await
}

/// What was said, as it arrives.
async fn told(said: Said, fault: Option<Fault>) -> Response<Body> {
    let mut response = match said {
        Said::Done => Response::new(body::empty()),
        Said::Text(status, text) => {
            let mut response = Response::new(body::full(text));
            *response.status_mut() = status;
            response
        }
        Said::Json(value, index) => {
            let value = match (&fault, &value) {
                (Some(Fault::Empty), Value::Array(_)) => json!([]),
                (Some(Fault::Empty), Value::Object(_)) => json!({}),
                _ => value,
            };
            let text = match &fault {
                Some(Fault::Garbage(text)) => text.clone(),
                _ => value.to_string(),
            };
            let mut response = Response::new(body::full(text));
            let mut set =
                |name, value: &str| response.headers_mut().insert(name, value.parse().expect("a field value"));
            set("content-type", "application/json");
            if let Some(index) = index {
                set("x-consul-index", &index.to_string());
                set("x-consul-lastcontact", "0");
                set("x-consul-knownleader", if fault == Some(Fault::NoLeader) { "false" } else { "true" });
                set("x-consul-effective-consistency", "leader");
            }
            response
        }
    };
    match fault {
        Some(Fault::Status(status)) => {
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            *response.body_mut() = body::full("the fake agent was told to fail");
        }
        Some(Fault::Cut) => {
            let (sender, cut) = body::streamed();
            *response.body_mut() = cut;
            tokio::spawn(cut_off(sender));
        }
        Some(Fault::Hang) => std::future::pending().await,
        _ => {}
    }
    response
}

async fn cut_off(mut sender: http_body_util::channel::Sender<Bytes, std::io::Error>) {
    // Whoever asked may be gone already.
    let _ = sender.send_data(Bytes::from_static(b"[{\"Node\":")).await;
    sender.abort(std::io::Error::other("cut"));
}

/// What somebody shows to be somebody.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text("x-consul-token").or_else(|| text("authorization")?.strip_prefix("Bearer "))
}

async fn route(shared: &Arc<Shared>, head: &Parts, body: &Bytes) -> Result<Said, Said> {
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let path = head.uri.path().trim_start_matches('/');
    let segments: Vec<String> = path.split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (&head.method, &segments[..]) {
        (&Method::GET, ["v1", "health", "service", service]) => health(shared, service, &query).await,
        (&Method::GET, ["v1", "catalog", "services"]) => catalog(shared, &query).await,
        (&Method::GET, ["v1", "agent", "services"]) => {
            let state = shared.state();
            let services = state.all().map(|instance| (instance.id.clone(), instance.service()));
            Ok(Said::Json(Value::Object(services.collect()), None))
        }
        // tidy-allow fixed-port: data, never bound
        (&Method::GET, ["v1", "status", "leader"]) => Ok(Said::Json(json!("127.0.0.1:8300"), None)),
        (&Method::PUT, ["v1", "agent", "service", "register"]) => {
            let instance = register::read(body, &query).map_err(|why| refused(StatusCode::BAD_REQUEST, &why))?;
            register::put(shared, instance);
            Ok(Said::Done)
        }
        (&Method::PUT, ["v1", "agent", "service", "deregister", id]) => {
            done(shared.change(|state| state.remove(id)), "service", id)
        }
        (&Method::PUT, ["v1", "agent", "service", "maintenance", id]) => {
            let is_on = query.get("enable") == Some("true");
            done(shared.change(|state| state.update(id, |instance| instance.set_maintenance(is_on))), "service", id)
        }
        (&Method::PUT, ["v1", "agent", "check", "pass", id]) => {
            done(register::renew(shared, id, Status::Passing), "check", id)
        }
        (&Method::PUT, ["v1", "agent", "check", "warn", id]) => {
            done(register::renew(shared, id, Status::Warning), "check", id)
        }
        (&Method::PUT, ["v1", "agent", "check", "fail", id]) => {
            done(register::renew(shared, id, Status::Critical), "check", id)
        }
        _ => Err(refused(StatusCode::NOT_FOUND, "")),
    }
}

async fn health(shared: &Shared, service: &str, query: &Query) -> Result<Said, Said> {
    known(query, &["tag", "passing", "near"])?;
    let (datacenter, namespace) = scope(shared, query)?;
    let (tags, is_passing) = (query.all("tag"), query.has("passing"));
    let look = |state: &State| state.index_of(service);
    blocking(shared, query, look).await?;
    let state = shared.state();
    let instances = state.all().filter(|instance| {
        instance.service == service
            && (&*instance.datacenter, &*instance.namespace) == (&*datacenter, &*namespace)
            && instance.has_tags(&tags)
            && (!is_passing || instance.status() == Status::Passing)
    });
    Ok(Said::Json(instances.map(Instance::health).collect(), Some(look(&state))))
}

async fn catalog(shared: &Shared, query: &Query) -> Result<Said, Said> {
    known(query, &[])?;
    let (datacenter, namespace) = scope(shared, query)?;
    blocking(shared, query, State::catalog_index).await?;
    let state = shared.state();
    let services = state.catalog(&datacenter, &namespace);
    Ok(Said::Json(json!(services), Some(state.catalog_index())))
}

/// Waits for something newer than the question knows, if it says what it knows.
async fn blocking(shared: &Shared, query: &Query, index: impl Fn(&State) -> u64) -> Result<(), Said> {
    let bad = |why: String| refused(StatusCode::BAD_REQUEST, &why);
    let (known, wait) = (query.index().map_err(bad)?, query.wait().map_err(bad)?);
    if known == 0 {
        return Ok(());
    }
    let mut changes = shared.changes.subscribe();
    let (deadline, restores) = {
        let mut state = shared.state();
        (Instant::now() + wait + state.jitter(wait), state.restores)
    };
    let _waiting = Waiting::begin(shared);
    loop {
        {
            let state = shared.state();
            // Those that are to hang wait like the others, and are not let go afterwards.
            if index(&state) > known || state.restores != restores || state.fault.is_some() {
                return Ok(());
            }
        }
        if timeout_at(deadline, changes.changed()).await.is_err() {
            return Ok(());
        }
    }
}

/// Parameters that this fake does not know would be questions that it does not answer.
fn known(query: &Query, own: &[&str]) -> Result<(), Said> {
    match query.unknown(&[COMMON, own].concat()) {
        None => Ok(()),
        Some(unknown) => {
            Err(refused(StatusCode::BAD_REQUEST, &format!("the fake does not know the parameter `{unknown}`")))
        }
    }
}

/// Datacenter and namespace.
fn scope(shared: &Shared, query: &Query) -> Result<(String, String), Said> {
    let datacenter = query.get("dc").unwrap_or("dc1");
    if !shared.state().knows_datacenter(datacenter) {
        return Err(refused(StatusCode::INTERNAL_SERVER_ERROR, "No path to datacenter"));
    }
    Ok((datacenter.to_owned(), query.get("ns").unwrap_or("default").to_owned()))
}

fn refused(status: StatusCode, why: &str) -> Said {
    Said::Text(status, why.to_owned())
}

fn done(is_known: bool, what: &str, id: &str) -> Result<Said, Said> {
    let why = || format!("Unknown {what} ID \"{id}\". Ensure that the {what} ID is passed, not the {what} name.");
    if is_known { Ok(Said::Done) } else { Err(refused(StatusCode::NOT_FOUND, &why())) }
}

/// Counts a query as waiting for as long as it does.
struct Waiting<'s>(&'s Shared);

// === impl Waiting ===

impl<'s> Waiting<'s> {
    fn begin(shared: &'s Shared) -> Self {
        shared.state().waiting += 1;
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

//! `/api/v1`: what operators may ask who show the admin token.

mod audit;
mod body;
mod breakers;
mod explain;
mod health;
mod keys;
mod log_level;
/// What parameters of an address say of requests.
mod parameters;
mod query;
mod requests;
mod series;
mod services;
mod tap;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post},
};
use http::{Method, StatusCode, Uri};
use tokio::sync::Mutex;

use crate::{Gateway, problem::Problem};

/// What there is, and what each is asked with.
const ADDRESSES: &[(&str, &str)] = &[
    ("/audit", "GET"),
    ("/breakers", "GET or POST"),
    ("/consumers/{name}/keys", "GET or POST"),
    ("/explain", "POST"),
    ("/health", "GET"),
    ("/log-level", "GET or PUT"),
    ("/requests", "GET"),
    ("/series", "GET"),
    ("/services", "GET or POST"),
    ("/tap", "GET"),
    ("/top", "GET"),
];

/// A body that is longer is no question.
const BODY_BYTES: usize = 64 * 1024;

#[derive(Clone)]
struct Api {
    gateway: Arc<dyn Gateway>,
    /// Held by the one answer that is being worked out: many at once would take the processor from the requests.
    turn: Arc<Mutex<()>>,
}

pub(crate) fn router(gateway: &Arc<dyn Gateway>) -> Router {
    Router::new()
        .route("/audit", get(audit::list))
        .route("/breakers", get(breakers::list).post(breakers::order))
        .route("/consumers/{name}/keys", get(keys::list).post(keys::make))
        .route("/consumers/{name}/keys/rotate", post(keys::rotate))
        .route("/consumers/{name}/keys/{id}", delete(keys::revoke))
        .route("/explain", post(explain::explain))
        .route("/health", get(health::health))
        .route("/log-level", get(log_level::told).put(log_level::order))
        .route("/requests", get(requests::list))
        .route("/requests/{id}", get(requests::one))
        .route("/tap", get(tap::tap))
        .route("/series", get(series::series))
        .route("/services", get(services::list).post(services::order))
        .route("/top", get(series::top))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(Api { gateway: gateway.clone(), turn: Arc::default() })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

async fn not_found(uri: Uri) -> Problem {
    let known: Vec<_> = ADDRESSES.iter().map(|(path, _)| format!("/api/v1{path}")).collect();
    let detail = format!("there is nothing at `/api/v1{}`; there are {}", uri.path(), known.join(", "));
    Problem::new(StatusCode::NOT_FOUND, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let known = ADDRESSES.iter().find(|(path, _)| *path == uri.path());
    let methods = known.map_or("another method", |(_, methods)| methods);
    let detail = format!("`/api/v1{}` is asked with {methods}, there is no {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

//! Who may ask, and which dialect answers.

/// Who may register.
mod auth;
/// Bodies, whole and bounded.
mod body;
/// Which requests are answered at all.
mod guard;
/// What stands behind the `?`.
mod query;

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    middleware::{self, map_request},
};
use http::{Method, StatusCode, Uri};
use listen::{Limits, Listener, Problem};

pub(crate) use query::{Query, go_duration};

use crate::{
    Registry, consul,
    core::{Dialect, Refusal},
    eureka,
    registry::Shared,
    rest,
};
use guard::Hosts;

const LIMITS: Limits = Limits {
    // Clients that wait for changes hold one each.
    connections: 4096,
    // Longer than services take between two heartbeats, so that they keep their connection.
    head: Duration::from_secs(65),
    head_bytes: 16 * 1024,
    // Longer than anybody may wait for a change.
    age: Duration::from_mins(15),
    grace: Duration::from_secs(5),
    // Some clients look for `X-Consul-Index`, written so.
    title_case: true,
};

/// What is asked.
pub(crate) type Asked = axum::extract::State<Arc<Shared>>;

/// Answers until `shutdown`, then finishes what is under way.
pub(crate) async fn serve(listener: Listener, registry: &Registry, shutdown: impl Future<Output = ()>) {
    let hosts = Hosts::of(listener.address());
    listen::serve(listener, LIMITS, router(registry.0.clone(), hosts), shutdown).await;
}

/// The dialects side by side: none of them has a path that is another one's.
fn router(shared: Arc<Shared>, hosts: Hosts) -> Router {
    let dialects = Router::new()
        .merge(rest::router())
        .merge(consul::router())
        .nest("/eureka", eureka::router())
        .nest("/eureka/v2", eureka::router())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(shared.clone());
    Router::new()
        .fallback_service(dialects)
        // Before one of them is chosen.
        .layer(map_request(trimmed))
        .layer(middleware::from_fn(body::bound))
        .layer(middleware::from_fn_with_state(shared, auth::authenticate))
        .layer(middleware::from_fn_with_state(hosts, guard::guard))
}

async fn not_found(uri: Uri) -> Problem {
    let known = "there are /v1/services, Eureka's /eureka/apps, and of Consul /v1/agent, /v1/health, /v1/catalog and /v1/status";
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at `{}`; {known}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("`{}` is not asked with {method}; `Allow` says with what", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Without the slash at the end of its path: clients of Eureka ask for `/eureka/apps/`.
async fn trimmed(mut request: Request) -> Request {
    let path = request.uri().path();
    let shorter = path.trim_end_matches('/');
    if shorter.len() == path.len() || shorter.is_empty() {
        return request;
    }
    let target = match request.uri().query() {
        Some(query) => format!("{shorter}?{query}"),
        None => shorter.to_owned(),
    };
    // A path stays one without its end; the authority is in `Host` too.
    let authority = request.uri().authority().cloned();
    if let Ok(uri) = target.parse::<Uri>() {
        *request.uri_mut() = uri;
        if let Some(authority) = authority
            && let Ok(host) = authority.as_str().parse()
        {
            request.headers_mut().append(http::header::HOST, host);
        }
    }
    request
}

// === impl Shared ===

impl Shared {
    /// Counts a refusal, and gives it the status that all dialects mean by it.
    pub(crate) fn refused(&self, dialect: Dialect, refusal: &Refusal) -> (StatusCode, String) {
        self.counters.refusals.count(dialect);
        let status = match refusal {
            Refusal::Unknown(_) => StatusCode::NOT_FOUND,
            Refusal::Bad(_) => StatusCode::BAD_REQUEST,
            Refusal::Ambiguous(_) => StatusCode::CONFLICT,
            Refusal::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, refusal.to_string())
    }
}

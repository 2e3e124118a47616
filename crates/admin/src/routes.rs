//! What is answered.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use listen::Problem;
use telemetry::Format;
use tokio::{
    sync::{Mutex, OnceCell},
    task::spawn_blocking,
};

use crate::{
    Gateway, api,
    audit::Denials,
    auth,
    guard::{Guard, Hosts, guard},
};

#[derive(Clone)]
struct Admin {
    gateway: Arc<dyn Gateway>,
    /// Held by the one scrape that is under way: many at once would take the processor from the requests.
    scrape: Arc<Mutex<()>>,
    /// What may be asked for, once somebody has asked for that.
    openapi: Arc<OnceCell<Bytes>>,
}

pub(crate) fn router(gateway: Arc<dyn Gateway>, hosts: Hosts) -> Router {
    let denials = Arc::new(Denials::new(gateway.clone()));
    let api = auth::required(api::router(&gateway), gateway.clone(), denials.clone())
        .layer(middleware::from_fn(api::Sought::note));
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(Admin { gateway: gateway.clone(), scrape: Arc::default(), openapi: Arc::default() })
        .merge(api)
        .layer(middleware::from_fn_with_state(Guard { gateway, denials, hosts }, guard))
}

/// That this is answered is the answer.
async fn livez() -> &'static str {
    "ok\n"
}

/// Says why not if not, and all that was looked at if asked with `?verbose`, or if there is something to be known of it.
async fn readyz(State(admin): State<Admin>, uri: Uri) -> Response {
    let readiness = admin.gateway.readiness();
    if !readiness.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, readiness.to_string()).into_response();
    }
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let verbose = parameters.any(|parameter| parameter.split('=').next() == Some("verbose"));
    if verbose || !readiness.is_well() { readiness.to_string().into_response() } else { "ok\n".into_response() }
}

async fn metrics(State(admin): State<Admin>, headers: HeaderMap) -> Result<Response, Problem> {
    // `Accept` may stand in several lines, which mean the same as one (RFC 9110, 5.3).
    let accept: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = Format::negotiate(Some(&accept.join(",")));
    // Goes along with the work, which goes on even if the scraper goes away.
    let turn = admin.scrape.lock_owned().await;
    let text = spawn_blocking(move || {
        let _turn = turn;
        admin.gateway.metrics(format)
    })
    .await;
    let text = text.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written"))?;
    Ok(([(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")], text).into_response())
}

/// What may be asked for under `/api/v1`. It says nothing about this gateway, so everybody may read it.
async fn openapi(State(Admin { gateway, openapi, .. }): State<Admin>) -> Result<Response, Problem> {
    let describe = || async {
        let described = spawn_blocking(move || api::openapi(env!("CARGO_PKG_VERSION"), gateway.schema()).to_string());
        described.await.map(Bytes::from)
    };
    let described = openapi.get_or_try_init(describe).await;
    let described =
        described.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the description broke off"))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], described.clone()).into_response())
}

async fn not_found(uri: Uri) -> Problem {
    let detail =
        format!("there is nothing at `{}`; there are /livez, /readyz, /metrics, /openapi.json and /api/v1", uri.path());
    Problem::new(StatusCode::NOT_FOUND, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("`{}` can be read with GET, there is no {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

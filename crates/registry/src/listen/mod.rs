//! The sockets: who may connect, how many, for how long, and which dialect answers.

/// Who may register.
mod auth;
/// Bodies, whole and bounded.
mod body;
/// Which requests are answered at all.
mod guard;
/// Errors as RFC 9457 wants them.
mod problem;
/// What stands behind the `?`.
mod query;

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, middleware};
use http::{Method, Request, StatusCode, Uri};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

pub(crate) use problem::Problem;
pub(crate) use query::{Query, go_duration};

use crate::{
    Registry, consul,
    core::{Dialect, Refusal},
    eureka,
    registry::Shared,
    rest,
};
use guard::Hosts;

/// At once; whoever comes then waits in the queue of the socket. Clients that wait for changes hold one each.
const MAX_CONNECTIONS: usize = 4096;
/// From the end of one request, or the accept, to the end of the next head: longer than services take between two
/// heartbeats, so that they keep their connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(65);
/// All that a request line and its header fields may take, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// Then a connection ends after the exchange it is at: whoever reads slowly, or not at all, keeps no seat. Longer than
/// anybody may wait for a change.
const MAX_AGE: Duration = Duration::from_mins(15);
/// For that exchange.
const GRACE: Duration = Duration::from_secs(5);

/// Where the registry listens.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What is asked.
pub(crate) type Asked = axum::extract::State<Arc<Shared>>;

/// Answers until `shutdown`, then finishes what is under way.
pub(crate) async fn serve(listener: Listener, registry: &Registry, shutdown: impl Future<Output = ()>) {
    let shared = registry.0.clone();
    match listener {
        Listener::Tcp(listener) => {
            let hosts = Hosts::of(listener.local_addr().ok());
            accept(listener, |peer| Peer(peer.ip()), router(shared, hosts), shutdown).await;
        }
        Listener::Unix(listener) => {
            accept(listener, |_| Peer(Ipv4Addr::LOCALHOST.into()), router(shared, Hosts::Any), shutdown).await;
        }
    }
}

/// The dialects side by side: none of them has a path that is another one's.
fn router(shared: Arc<Shared>, hosts: Hosts) -> Router {
    Router::new()
        .merge(rest::router())
        .merge(consul::router())
        .nest("/eureka", eureka::router())
        .nest("/eureka/v2", eureka::router())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(shared.clone())
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

async fn accept<L: axum::serve::Listener>(
    mut listener: L,
    peer: impl Fn(&L::Addr) -> Peer,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    let (stop, stopped) = watch::channel(());
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (io, from) = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(connection(io, peer(&from), router.clone(), stopped.clone()));
            }
        }
    }
    drop((listener, stop));
    // Each connection ends within its own grace time.
    while connections.join_next().await.is_some() {}
}

/// Serves one connection until it ends, is too old, or the sender behind `stopped` is gone.
async fn connection(
    io: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    mut stopped: watch::Receiver<()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let mut request = trimmed(request);
        request.extensions_mut().insert(peer);
        hyper::service::Service::call(&router, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        // Some clients look for `X-Consul-Index`, written so.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // What went wrong with a connection is between hyper and the client.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = sleep(MAX_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    _ = timeout(GRACE, connection).await;
}

/// Without the slash at the end of its path: clients of Eureka ask for `/eureka/apps/`.
fn trimmed<B>(mut request: Request<B>) -> Request<B> {
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

// === impl Listener ===

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

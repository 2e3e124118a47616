//! The sockets of the admin address.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
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

use crate::{Gateway, guard::Hosts, routes};

/// At once; whoever comes then waits in the queue of the socket.
const MAX_CONNECTIONS: usize = 64;
/// From the end of one request, or the accept, to the end of the next head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// All that a request line and its header fields may take, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// Then a connection ends after the exchange it is at: whoever reads slowly, or not at all, keeps no seat.
const MAX_AGE: Duration = Duration::from_secs(60);
/// For that exchange.
const GRACE: Duration = Duration::from_secs(5);

/// Where the admin address listens.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Answers on `listener` until `shutdown`, then finishes what is under way, which takes a few seconds at most.
pub async fn serve(listener: Listener, gateway: Arc<dyn Gateway>, shutdown: impl Future<Output = ()>) {
    match listener {
        Listener::Tcp(listener) => accept(listener, routes::router(gateway, Hosts::Named), shutdown).await,
        Listener::Unix(listener) => accept(listener, routes::router(gateway, Hosts::Any), shutdown).await,
    }
}

async fn accept(mut listener: impl axum::serve::Listener, router: Router, shutdown: impl Future<Output = ()>) {
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    let (stop, stopped) = watch::channel(());
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (io, _) = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(connection(io, router.clone(), stopped.clone()));
            }
        }
    }
    drop((listener, stop));
    // Each connection ends within its own grace time.
    while connections.join_next().await.is_some() {}
}

/// Serves one connection until it ends, is too old, or the sender behind `stopped` is gone.
async fn connection(io: impl AsyncRead + AsyncWrite + Unpin, router: Router, mut stopped: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // What went wrong with a connection is between hyper and the client.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = sleep(MAX_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(GRACE, connection).await;
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

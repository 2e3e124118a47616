//! From a listening socket to a connection: accept, PROXY protocol, TLS.

use std::{
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use message::{Peer, Tls, forwarded};
use rustls::ServerConfig;
use snapshot::Limits;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Notify,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{connection, worker::Worker};

mod bind;
mod permit;
mod proxy_protocol;

pub use bind::{BindError, Sockets};
pub(crate) use bind::{Kind, Socket};
use permit::Permit;

/// A socket that was accepted.
enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// Ours, on a worker's event queue.
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// What a new connection needs to know of its listener, as the document has it at that moment.
struct Reception {
    limits: Limits,
    proxy_protocol: bool,
    tls: Option<Arc<ServerConfig>>,
}

/// Both ends of a connection, as far as they are known.
#[derive(Clone, Copy)]
struct Route {
    peer: SocketAddr,
    local: SocketAddr,
}

/// After a failure that is not the client's (no descriptor left, no memory), before the next try.
const BREATHER: Duration = Duration::from_millis(50);

/// Accepts connections until told to stop; what is in the queue by then is still accepted.
pub(crate) async fn run(worker: Rc<Worker>, binding: Arc<str>, socket: Socket, stop: Rc<Notify>) {
    let Socket { kind, connections } = socket;
    let _admission = worker.admit();
    let listener = match Listener::new(kind) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%binding, %error, "cannot accept connections"),
    };
    loop {
        let accepted = tokio::select! {
            // In this order: whoever waits in the queue comes first.
            biased;
            accepted = listener.accept() => accepted,
            () = stop.notified() => return,
        };
        match accepted {
            Ok(accepted) => receive(&worker, &binding, accepted, &connections),
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::warn!(%binding, %error, "cannot accept a connection");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}

/// Lets a connection in, if there is room, and serves it in a task of its own.
fn receive(
    worker: &Rc<Worker>,
    binding: &Arc<str>,
    accepted: Accepted,
    connections: &Arc<std::sync::atomic::AtomicU32>,
) {
    let world = worker.world();
    let Some(listener) = world.snapshot.listener_of(binding).map(|id| world.snapshot.listener(id)) else { return };
    let Some(permit) = Permit::take(connections, listener.limits.connections) else {
        tracing::debug!(%binding, held = connections.load(Ordering::Relaxed), "too many connections");
        return;
    };
    let reception = Reception {
        limits: listener.limits.clone(),
        proxy_protocol: listener.proxy_protocol,
        tls: listener.tls.clone(),
    };
    let (worker, binding, admission) = (worker.clone(), binding.clone(), worker.admit());
    drop(tokio::task::spawn_local(async move {
        let end = match accepted {
            Accepted::Tcp(stream, peer) => match prepare(&stream) {
                Ok(local) => welcome(stream, worker, binding, reception, Route { peer, local }).await,
                Err(error) => Err(error),
            },
            Accepted::Unix(stream) => {
                let route = Route { peer: Peer::unix(), local: Peer::unix() };
                welcome(stream, worker, binding, reception, route).await
            }
        };
        if let Err(error) = end {
            tracing::debug!(%error, "connection refused");
        }
        drop((permit, admission));
    }));
}

/// PROXY protocol and TLS, within the time for handshakes; then HTTP.
async fn welcome<S>(
    mut stream: S,
    worker: Rc<Worker>,
    binding: Arc<str>,
    reception: Reception,
    mut route: Route,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Reception { limits, proxy_protocol, tls } = reception;
    let deadline = tokio::time::Instant::now() + limits.handshake_timeout;
    if proxy_protocol {
        let told = tokio::time::timeout_at(deadline, proxy_protocol::read(&mut stream)).await??;
        route = told.map_or(route, |(peer, local)| Route { peer, local });
    }
    let Some(tls) = tls else {
        let peer = peer(&worker, route, None);
        connection::serve(stream, worker, binding, peer, limits, None).await;
        return Ok(());
    };
    // In a box, so that the tasks of plain connections have no room for TLS.
    Box::pin(async move {
        let stream = tokio::time::timeout_at(deadline, TlsAcceptor::from(tls).accept(stream)).await??;
        let agreed = stream.get_ref().1.alpn_protocol().map_or_else(|| b"http/1.1".to_vec(), <[u8]>::to_vec);
        let peer = peer(&worker, route, Some(describe(&stream)));
        connection::serve(stream, worker, binding, peer, limits, Some(&agreed)).await;
        Ok(())
    })
    .await
}

fn peer(worker: &Worker, route: Route, tls: Option<Tls>) -> Peer {
    let world = worker.world();
    let trusted = forwarded::is_trusted(route.peer.ip(), &world.snapshot.settings.trusted_proxies);
    Peer::new(route.peer, route.local, trusted, tls)
}

/// What the handshake settled, for policies and endpoints.
fn describe<S>(stream: &TlsStream<S>) -> Tls {
    let session = stream.get_ref().1;
    let client_subject = session.peer_certificates().and_then(|chain| {
        let (_, leaf) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
        Some(leaf.subject().to_string().into())
    });
    Tls { server_name: session.server_name().map(Into::into), client_subject }
}

fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    stream.local_addr()
}

/// The client was gone before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

// === impl Listener ===

impl Listener {
    fn new(kind: Kind) -> io::Result<Self> {
        match kind {
            Kind::Tcp(socket) => TcpListener::from_std(socket).map(Self::Tcp),
            Kind::Unix(socket) => UnixListener::from_std(socket).map(Self::Unix),
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Accepted::Tcp(stream, peer)),
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

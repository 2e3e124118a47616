//! An origin with a handler: HTTP/1.1 and HTTP/2, with or without TLS.

use std::{future::Future, net::SocketAddr, sync::Arc};

use demo::{Scope, ScopeOwner};
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Counts;
use crate::{
    body::{self, Body},
    wire::Io,
};

/// An origin that answers with a handler.
#[derive(Debug)]
pub struct Origin {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it has seen.
    pub counts: Counts,
    _owner: ScopeOwner,
}

/// How an [`Origin`] speaks; HTTP/1.1 and HTTP/2 by prior knowledge without TLS when nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// With TLS, ALPN decides between the protocols; see [`crate::tls::server`].
    pub tls: Option<Arc<ServerConfig>>,
    /// The most streams of one HTTP/2 connection; the codec's own default when none.
    pub max_streams: Option<u32>,
    /// Where an origin was that has ended, to take its place; any free port when none.
    pub address: Option<SocketAddr>,
}

/// Who asks, in the extensions of each request.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Which connection of the origin this is, from 1.
    pub connection: usize,
    /// Which request of the origin this is, from 1.
    pub request: usize,
    /// The name that the client asked for in the TLS handshake.
    pub server_name: Option<String>,
    /// What ALPN agreed on.
    pub alpn: Option<String>,
    /// The certificate that the client showed.
    pub certificate: Option<CertificateDer<'static>>,
}

// === impl Origin ===

impl Origin {
    /// Answers each request with `handler`.
    pub async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::with(Settings::default(), handler).await
    }

    /// Answers each request with `handler`, and speaks as `settings` say.
    pub async fn with<H, F>(settings: Settings, handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (listener, address) = match settings.address {
            None => super::bind().await,
            Some(address) => super::bind_again(address).await,
        };
        let (owner, scope) = Scope::open();
        let counts = Counts::default();
        let origin = Self { address, counts: counts.clone(), _owner: owner };
        scope.clone().spawn(async move {
            loop {
                let stream = super::accept(&listener).await;
                let (settings, handler, counts) = (settings.clone(), handler.clone(), counts.clone());
                scope.spawn(async move {
                    let (connection, _open) = counts.connection();
                    let peer = Peer { connection, ..Peer::default() };
                    if let Some((stream, peer)) = greet(stream, settings.tls.clone(), peer).await {
                        serve(stream, &settings, peer, handler, counts).await;
                    }
                });
            }
        });
        origin
    }

    /// Answers every request with this text.
    pub async fn text(text: &'static str) -> Self {
        Self::start(move |_| async move { Response::new(body::full(text)) }).await
    }
}

/// Shakes hands where there is TLS; none is a client that failed to.
async fn greet(stream: TcpStream, tls: Option<Arc<ServerConfig>>, peer: Peer) -> Option<(Box<dyn Io>, Peer)> {
    stream.send_at_once();
    let Some(config) = tls else { return Some((Box::new(stream), peer)) };
    let stream = TlsAcceptor::from(config).accept(stream).await.ok()?;
    let session = stream.get_ref().1;
    let peer = Peer {
        server_name: session.server_name().map(ToOwned::to_owned),
        alpn: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        certificate: session.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.clone().into_owned()),
        ..peer
    };
    Some((Box::new(stream), peer))
}

async fn serve<H, F>(stream: Box<dyn Io>, settings: &Settings, peer: Peer, handler: H, counts: Counts)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer { request: counts.request(), ..peer.clone() });
        let answer = handler(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol.http1().half_close(true);
    protocol.http2().enable_connect_protocol();
    if let Some(streams) = settings.max_streams {
        protocol.http2().max_concurrent_streams(streams);
    }
    // How a connection ended is for the test to see on its own side.
    let _ = protocol.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

//! What the origin and the bare proxy share: accepting connections on one thread and serving them with hyper.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    rt::{Read, Write},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use crate::Failure;

/// What a listener speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    /// By prior knowledge.
    Http2,
}

/// Accepts for ever; each connection is a task on this thread.
pub(crate) async fn serve<H, F, B, E>(
    listener: TcpListener,
    version: Version,
    tls: Option<Arc<rustls::ServerConfig>>,
    handler: H,
) where
    H: Fn(Request<Incoming>) -> F + 'static,
    F: Future<Output = Result<Response<B>, E>> + 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let handler = Rc::new(handler);
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        // The usual reason is a client that left before it was accepted.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (handler, acceptor) = (Rc::clone(&handler), acceptor.clone());
        // Without it a body's tail waits for the acknowledgement of its head.
        let _ = stream.set_nodelay(true);
        // Two kinds of task: one that may shake hands would make all the others as large as itself.
        match acceptor {
            None => tokio::task::spawn_local(async move { connection(stream, version, &*handler).await }),
            Some(acceptor) => tokio::task::spawn_local(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    connection(stream, version, &*handler).await;
                }
            }),
        };
    }
}

/// To its end. How it ended is the client's business: the load counts what it did not get.
async fn connection<S, H, F, B, E>(stream: S, version: Version, handler: &H)
where
    TokioIo<S>: Read + Write + Unpin + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<B>, E>> + 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (io, service) = (TokioIo::new(stream), service_fn(handler));
    match version {
        Version::Http1 => {
            let mut builder = hyper::server::conn::http1::Builder::new();
            let _ = builder.pipeline_flush(true).timer(TokioTimer::new()).serve_connection(io, service).await;
        }
        Version::Http2 => {
            let mut builder = hyper::server::conn::http2::Builder::new(OnThisThread);
            builder
                .max_concurrent_streams(1024)
                .initial_stream_window_size(1 << 20)
                .initial_connection_window_size(8 << 20);
            // Apart: HTTP/2's state is several times as large as HTTP/1's, and idle connections pay for it.
            let _ = Box::pin(builder.serve_connection(io, service)).await;
        }
    }
}

/// Runs hyper's own tasks beside ours.
#[derive(Clone, Copy)]
pub(crate) struct OnThisThread;

impl<F> hyper::rt::Executor<F> for OnThisThread
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// Binds and says where: port 0 becomes a free one.
pub(crate) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    /// The runtime's own is 128: a burst of connections would wait for a second and try again.
    const BACKLOG: u32 = 4096;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

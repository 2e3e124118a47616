//! A way to an endpoint: socket, TLS, HTTP handshake.

use std::{cell::Cell, future::poll_fn, io, path::Path, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use hyper::{client::conn::http2, rt::Executor};
use hyper_util::rt::{TokioIo, TokioTimer};
use message::{Body, Cause, Error, Result, Retry};
use model::{EndpointAddress, Protocol, UpstreamTls};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;

use crate::Endpoint;

mod heard;
mod stream;
mod tls;

pub use fetch::tls::TlsError;
use heard::Heard;
pub(crate) use stream::Stream;

/// Makes connections to the endpoints of one upstream.
pub struct Connector {
    protocol: Protocol,
    tls: Option<tls::Handshake>,
    timeout: Duration,
}

/// A connection on which requests can be sent.
pub(crate) enum Connection {
    Http1(Stream),
    /// Its task runs on the worker that made it.
    Http2(http2::SendRequest<Body>, Rc<PeerSettings>),
}

/// What an HTTP/2 peer allows, as its SETTINGS say.
#[derive(Debug)]
pub(crate) struct PeerSettings {
    /// `SETTINGS_MAX_CONCURRENT_STREAMS`.
    pub(crate) streams: Cell<usize>,
    /// `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441).
    pub(crate) extended_connect: Cell<bool>,
}

/// Runs the tasks of a connection on the worker that made it.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

// === impl Connector ===

impl Connector {
    /// # Errors
    /// A certificate that cannot be read or is none.
    pub fn new(protocol: Protocol, tls: Option<&UpstreamTls>, timeout: Duration) -> Result<Self, TlsError> {
        let tls = tls.map(|tls| tls::Handshake::new(tls, protocol)).transpose()?;
        Ok(Self { protocol, tls, timeout })
    }

    /// Whether connections of `other` are as good as this one's: same protocol, same certificates in the same files.
    pub fn is_same(&self, other: &Self) -> bool {
        let tls = match (&self.tls, &other.tls) {
            (None, None) => true,
            (Some(own), Some(other)) => own.source == other.source,
            _ => false,
        };
        tls && self.protocol == other.protocol && self.timeout == other.timeout
    }

    /// Whether endpoints are reached over TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// The certificate that endpoints are shown: its file, and what stood in that.
    pub fn certificate(&self) -> Option<(&Path, &[u8])> {
        self.tls.as_ref()?.source.certificate()
    }

    /// Whether [`Connector::connect`] may give an HTTP/2 connection.
    pub fn may_multiplex(&self) -> bool {
        match self.protocol {
            Protocol::Http1 => false,
            Protocol::H2 | Protocol::H2c => true,
            Protocol::Auto => self.is_secure(),
        }
    }

    /// Connects within the connect timeout, handshakes included. Must be called on a worker.
    ///
    /// # Errors
    /// Always with [`Retry::Safe`]: nothing was sent.
    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<Connection> {
        let connected = tokio::time::timeout(self.timeout, self.connect_unbounded(endpoint)).await;
        let timed_out = || Error::new(Cause::ConnectTimeout, format!("{} did not answer", endpoint.address));
        connected.unwrap_or_else(|_| Err(timed_out())).map_err(|error| error.with_retry(Retry::Safe))
    }

    async fn connect_unbounded(&self, endpoint: &Endpoint) -> Result<Connection> {
        let refused = |error| connect_error(endpoint, error);
        match &endpoint.address {
            EndpointAddress::Socket(address) => {
                let stream = TcpStream::connect(address).await.map_err(refused)?;
                self.over_tcp(stream, endpoint).await
            }
            EndpointAddress::Name { host, port } => {
                let stream = connect_name(host, *port).await?.map_err(refused)?;
                self.over_tcp(stream, endpoint).await
            }
            EndpointAddress::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(refused)?;
                self.over(stream, Stream::Unix, Stream::UnixTls, endpoint).await
            }
        }
    }

    async fn over_tcp(&self, stream: TcpStream, endpoint: &Endpoint) -> Result<Connection> {
        stream.set_nodelay(true).map_err(|error| connect_error(endpoint, error))?;
        self.over(stream, Stream::Tcp, Stream::TcpTls, endpoint).await
    }

    async fn over<S>(
        &self,
        stream: S,
        plain: fn(S) -> Stream,
        secure: fn(Box<TlsStream<S>>) -> Stream,
        endpoint: &Endpoint,
    ) -> Result<Connection>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(tls) = &self.tls else {
            let multiplex = matches!(self.protocol, Protocol::H2 | Protocol::H2c);
            return handshake(plain(stream), multiplex).await;
        };
        let stream = tls.connect(stream, endpoint).await?;
        let agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if self.protocol == Protocol::H2 && !agreed {
            return Err(Error::new(Cause::TlsFailed, format!("{} does not speak HTTP/2", endpoint.address)));
        }
        handshake(secure(Box::new(stream)), agreed).await
    }
}

/// HTTP/1.1 needs none.
async fn handshake(stream: Stream, multiplex: bool) -> Result<Connection> {
    if !multiplex {
        return Ok(Connection::Http1(stream));
    }
    let failed = |error| Error::new(Cause::UpstreamReset, "the HTTP handshake failed").with_source(error);
    let (stream, heard) = Heard::new(stream);
    let (sender, mut connection) = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .initial_stream_window_size(256 << 10)
        .initial_connection_window_size(4 << 20)
        .max_header_list_size(64 << 10)
        .keep_alive_interval(Duration::from_secs(30))
        // Nothing is sent before the peer's SETTINGS: what it does not allow it would refuse.
        .initial_max_send_streams(0)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    while connection.current_max_send_streams() == 0 {
        tokio::select! {
            () = heard.notified() => {}
            ended = &mut connection => {
                ended.map_err(failed)?;
                return Err(Error::new(Cause::UpstreamReset, "the endpoint closed during the HTTP handshake"));
            }
        }
    }
    let streams = connection.current_max_send_streams();
    let settings = Rc::new(PeerSettings::new(streams, connection.is_extended_connect_protocol_enabled()));
    let noted = settings.clone();
    run(poll_fn(move |context| {
        let state = Pin::new(&mut connection).poll(context);
        noted.streams.set(connection.current_max_send_streams());
        noted.extended_connect.set(connection.is_extended_connect_protocol_enabled());
        state
    }));
    Ok(Connection::Http2(sender, settings))
}

/// Drives a connection. Its failure reaches whoever waits for a response; nobody else needs to know.
fn run(connection: impl Future<Output = hyper::Result<()>> + 'static) {
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to an endpoint ended");
        }
    });
}

/// The first address of the name that answers; the system's resolver decides on the order.
async fn connect_name(host: &Arc<str>, port: u16) -> Result<io::Result<TcpStream>> {
    let failed = |detail: String| Error::new(Cause::DnsFailed, detail);
    let addresses = tokio::net::lookup_host((&**host, port))
        .await
        .map_err(|error| failed(format!("{host} cannot be resolved")).with_source(error))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(Ok(stream)),
            Err(error) => last = Some(error),
        }
    }
    last.map(Err).ok_or_else(|| failed(format!("{host} has no address")))
}

fn connect_error(endpoint: &Endpoint, error: io::Error) -> Error {
    let cause = match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Cause::ConnectRefused,
        io::ErrorKind::TimedOut => Cause::ConnectTimeout,
        io::ErrorKind::ConnectionReset => Cause::UpstreamReset,
        _ => Cause::ConnectFailed,
    };
    Error::new(cause, format!("{}: {error}", endpoint.address)).with_source(error)
}

// === impl PeerSettings ===

impl PeerSettings {
    fn new(streams: usize, extended_connect: bool) -> Self {
        Self { streams: Cell::new(streams), extended_connect: Cell::new(extended_connect) }
    }
}

// === impl LocalExecutor ===

impl<F: Future<Output = ()> + 'static> Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        drop(tokio::task::spawn_local(future));
    }
}

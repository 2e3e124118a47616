//! The floor: a proxy that routes nothing, adds nothing, measures nothing, and copies with hyper.
//!
//! What the gateway costs above it is what the gateway does. Built as the gateway is: one runtime, futures that stay on
//! its thread, a stack of kept connections whose readiness is looked at when one is taken.

use std::{
    cell::RefCell,
    net::SocketAddr,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use http::{HeaderValue, Request, Response, Uri, header};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::net::TcpStream;

use crate::{
    Failure, on_one_thread,
    serve::{Version, bind, serve},
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// Where everything goes, over HTTP/1.1
    #[arg(long)]
    origin: SocketAddr,
    /// Speaks HTTP/2 to clients, by prior knowledge
    #[arg(long)]
    h2c: bool,
    /// Speaks TLS to clients, with this chain
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// The key of the certificate
    #[arg(long)]
    key: Option<PathBuf>,
}

/// Serves until it is killed.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    // A huge page is resident as a whole, with all the buffers in it that nobody has touched yet.
    rustix::thread::disable_transparent_huge_pages(true)?;
    on_one_thread(async {
        start(args)?;
        std::future::pending().await
    })
}

/// Serves on this thread from now on, and says where.
pub(crate) fn start(args: &Args) -> Result<SocketAddr, Failure> {
    let tls = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some(tls(cert, key)?),
        _ => None,
    };
    let (listener, address) = bind(args.listen)?;
    let version = if args.h2c { Version::Http2 } else { Version::Http1 };
    let pool = Rc::new(Pool { origin: args.origin, idle: RefCell::default() });
    tokio::task::spawn_local(serve(listener, version, tls, move |request| {
        let pool = Rc::clone(&pool);
        // A connection keeps room for the future of its request as long as it lives: idle, a box has none.
        async move { Box::pin(pool.forward(request)).await }
    }));
    Ok(address)
}

fn tls(cert: &Path, key: &Path) -> Result<Arc<rustls::ServerConfig>, Failure> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// Kept connections to the origin, the last used on top.
struct Pool {
    origin: SocketAddr,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

// === impl Pool ===

impl Pool {
    async fn forward(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, ServiceError> {
        to_origin_form(&mut request)?;
        let mut sender = match self.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = sender.send_request(request).await?;
        // Its body is still on the wire: whoever takes it asks whether it is ready.
        self.idle.borrow_mut().push(sender);
        Ok(response)
    }

    fn take(&self) -> Option<SendRequest<Incoming>> {
        let mut idle = self.idle.borrow_mut();
        let ready = idle.iter().rposition(SendRequest::is_ready)?;
        Some(idle.swap_remove(ready))
    }

    async fn connect(&self) -> Result<SendRequest<Incoming>, ServiceError> {
        self.idle.borrow_mut().retain(|sender| !sender.is_closed());
        let stream = TcpStream::connect(self.origin).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(async move {
            // The sender learns of its end, and is dropped when somebody takes it.
            let _ = connection.await;
        });
        sender.ready().await?;
        Ok(sender)
    }
}

/// What hyper asks of a service's errors.
type ServiceError = Box<dyn std::error::Error + Send + Sync>;

/// HTTP/2 has no Host and names the whole address; HTTP/1.1 wants it the other way round.
fn to_origin_form(request: &mut Request<Incoming>) -> Result<(), ServiceError> {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str())?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::try_from(path)?;
        request.headers_mut().insert(header::HOST, host);
        *request.version_mut() = http::Version::HTTP_11;
    }
    Ok(())
}

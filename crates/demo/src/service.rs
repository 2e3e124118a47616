//! One running service, and all of them.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    reply::{self, Body},
    scope::{Scope, ScopeOwner},
};

/// A running service; dropping it closes its socket and its connections.
#[derive(Debug)]
pub struct Service {
    /// What it calls itself in its answers, such as `users-2`.
    pub name: String,
    /// Where it listens, on the loopback interface.
    pub address: SocketAddr,
    _owner: ScopeOwner,
}

/// Every service of the demo.
#[derive(Debug)]
pub struct Services {
    /// Three equal instances, so that balancing is visible.
    pub users: Vec<Service>,
    /// Version 1 and version 2, in this order.
    pub orders: Vec<Service>,
    pub slow: Service,
    pub flaky: Service,
    pub echo: Service,
    pub events: Service,
    pub grpc: Service,
}

/// Starts every service with the settings of the demo.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn start_all() -> io::Result<Services> {
    Ok(Services {
        users: vec![crate::users(1).await?, crate::users(2).await?, crate::users(3).await?],
        orders: vec![crate::orders("v1").await?, crate::orders("v2").await?],
        slow: crate::slow().await?,
        flaky: crate::flaky(3).await?,
        echo: crate::echo().await?,
        events: crate::events(Duration::from_secs(1)).await?,
        grpc: crate::grpc().await?,
    })
}

// === impl Services ===

impl Services {
    /// Every service, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        let single = [&self.slow, &self.flaky, &self.echo, &self.events, &self.grpc];
        self.users.iter().chain(&self.orders).chain(single)
    }
}

// === impl Service ===

impl Service {
    /// Binds a free port and answers each request with `handler`, except `/healthz`, which is always well.
    pub(crate) async fn start<H, F>(name: impl Into<String>, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>, Scope) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (owner, scope) = Scope::open();
        scope.spawn(accept(listener, handler, scope.clone()));
        Ok(Self { name: name.into(), address, _owner: owner })
    }
}

async fn accept<H, F>(listener: TcpListener, handler: H, scope: Scope)
where
    H: Fn(Request<Incoming>, Scope) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => scope.spawn(connection(stream, handler.clone(), scope.clone())),
            // Mostly "too many open files": give the others time to close theirs.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection<H, F>(stream: TcpStream, handler: H, scope: Scope)
where
    H: Fn(Request<Incoming>, Scope) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let reply = (request.uri().path() != "/healthz").then(|| handler(request, scope.clone()));
        async move {
            Ok::<_, std::convert::Infallible>(match reply {
                Some(reply) => reply.await,
                None => reply::json(StatusCode::OK, &json!({ "healthy": true })),
            })
        }
    });
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol.http1().timer(TokioTimer::new());
    protocol.http2().timer(TokioTimer::new()).enable_connect_protocol();
    // A client that goes away in the middle is its own business.
    let _ = protocol.serve_connection_with_upgrades(TokioIo::new(stream), answer).await;
}

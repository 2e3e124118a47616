use std::{future::Future, pin::pin, time::Duration};

use axum::Router;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Listener, Peer};

/// What keeps those who ask slowly, or much, from taking the address for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At once; whoever comes then waits in the queue of the socket.
    pub connections: usize,
    /// From the end of one request, or the accept, to the end of the next head.
    pub head: Duration,
    /// All that a request line and its header fields may take, in bytes.
    pub head_bytes: usize,
    /// Then a connection ends after the exchange it is at: whoever reads slowly, or not at all, keeps no seat.
    pub age: Duration,
    /// For that exchange.
    pub grace: Duration,
    /// Header fields `Written-So`, for clients that know no other spelling.
    pub title_case: bool,
}

/// Answers on `listener` until `shutdown`, then finishes what is under way, which takes [`Limits::grace`] at most.
///
/// Every request has its [`Peer`] with it.
pub async fn serve(listener: Listener, limits: Limits, router: Router, shutdown: impl Future<Output = ()>) {
    match listener {
        Listener::Tcp(listener) => accept(listener, |_, from| Peer::tcp(from), limits, router, shutdown).await,
        Listener::Unix(listener) => accept(listener, |io, _| of_process(io), limits, router, shutdown).await,
    }
}

async fn accept<L: axum::serve::Listener>(
    mut listener: L,
    peer: impl Fn(&L::Io, &L::Addr) -> Peer,
    limits: Limits,
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
            (io, from) = listener.accept(), if connections.len() < limits.connections => {
                let peer = peer(&io, &from);
                connections.spawn(connection(io, peer, limits, router.clone(), stopped.clone()));
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
    limits: Limits,
    router: Router,
    mut stopped: watch::Receiver<()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        hyper::service::Service::call(&router, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .title_case_headers(limits.title_case)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // What went wrong with a connection is between hyper and the client.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = sleep(limits.age) => {}
    }
    connection.as_mut().graceful_shutdown();
    _ = timeout(limits.grace, connection).await;
}

fn of_process(io: &UnixStream) -> Peer {
    Peer::Unix { uid: io.peer_cred().ok().map(|process| process.uid()) }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::{Extension, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream, UnixListener},
    };

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 1,
        head: Duration::from_secs(5),
        head_bytes: 16 * 1024,
        age: Duration::from_mins(1),
        grace: Duration::from_secs(5),
        title_case: true,
    };

    async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn router() -> Router {
        Router::new().route("/", get(async |Extension(peer): Extension<Peer>| peer.to_string()))
    }

    #[tokio::test]
    async fn every_request_has_its_peer_with_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener.into(), LIMITS, router(), pending()));
        let stream = TcpStream::connect(address).await.unwrap();
        let own = stream.local_addr().unwrap().to_string();
        let answer = ask(stream).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{own}")) && answer.contains("Content-Type: "), "{answer}");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        tokio::spawn(serve(UnixListener::bind(&path).unwrap().into(), LIMITS, router(), pending()));
        let stream = UnixStream::connect(&path).await.unwrap();
        // The other end of it is of the same user.
        let own = stream.peer_cred().unwrap().uid();
        let answer = ask(stream).await;
        assert!(answer.ends_with(&format!("\r\n\r\nunix:uid={own}")), "{answer}");
    }
}

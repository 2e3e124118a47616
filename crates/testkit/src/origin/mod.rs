//! Origins that do what a test says: by hand, octet by octet ([`RawOrigin`]), or with a handler ([`Origin`]).

mod http;
mod raw;

pub use http::{Origin, Peer, Settings};
pub use raw::{RawConn, RawOrigin};

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::net::{TcpListener, TcpStream};

use crate::eventually;

/// What an origin has seen so far.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: AtomicUsize,
}

/// Counts a connection as open for as long as it lives.
struct Open(Counts);

// === impl Counts ===

impl Counts {
    /// Connections that were ever accepted.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::SeqCst)
    }

    /// Connections that are being served.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    /// Requests whose head was read.
    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// Counts a connection; gives its number, from 1, and what keeps it counted as open.
    fn connection(&self) -> (usize, Open) {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        (self.0.connections.fetch_add(1, Ordering::SeqCst) + 1, Open(self.clone()))
    }

    /// Counts a request; gives its number, from 1.
    fn request(&self) -> usize {
        self.0.requests.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port of the loopback interface");
    let address = listener.local_addr().expect("a bound socket has an address");
    (listener, address)
}

/// Takes an address over from whoever is about to let it go.
async fn bind_again(address: SocketAddr) -> (TcpListener, SocketAddr) {
    let bound = eventually("the address is free again", async || TcpListener::bind(address).await.ok()).await;
    (bound, address)
}

pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.expect("enough file descriptors to accept").0
}

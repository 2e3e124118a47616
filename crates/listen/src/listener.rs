use std::net::SocketAddr;

use tokio::net::{TcpListener, UnixListener};

/// Where is listened.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    /// No browser gets there.
    Unix(UnixListener),
}

// === impl Listener ===

impl Listener {
    /// Where, if that is an address of a network.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

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

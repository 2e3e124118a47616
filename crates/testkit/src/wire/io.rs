//! The connections that a [`Wire`](super::Wire) can be laid over.

use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{client, server};

/// A stream of octets, and what TCP can do besides.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The TCP connection underneath, where there is one.
    fn tcp(&self) -> Option<&TcpStream>;

    /// Sends small pieces at once, so that a test decides what comes in one segment.
    fn send_at_once(&self) {
        if let Some(tcp) = self.tcp() {
            // It only fails on a connection that is gone, and then the next reading says so.
            let _ = tcp.set_nodelay(true);
        }
    }

    /// Makes the close that follows a reset.
    ///
    /// # Panics
    /// When there is no TCP underneath: nothing else has a reset.
    fn reset_on_close(&self) {
        let tcp = self.tcp().expect("only a TCP connection can be reset");
        // As above: it is gone already, and that is what was asked for.
        let _ = tcp.set_zero_linger();
    }
}

impl Io for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Io for client::TlsStream<TcpStream> {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self.get_ref().0)
    }
}

impl Io for server::TlsStream<TcpStream> {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self.get_ref().0)
    }
}

impl Io for UnixStream {
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

impl Io for DuplexStream {
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

impl Io for Box<dyn Io> {
    fn tcp(&self) -> Option<&TcpStream> {
        (**self).tcp()
    }
}

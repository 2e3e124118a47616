//! Syslog servers that keep what they are told, over UDP, TCP and Unix sockets.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use demo::{Scope, ScopeOwner};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    net::{TcpListener, UdpSocket, UnixDatagram, UnixListener},
};

use crate::eventually;

/// A server; it is gone when the handle is dropped.
#[derive(Debug)]
pub struct SyslogServer {
    /// As documents write it.
    pub address: String,
    messages: Messages,
    _owner: ScopeOwner,
}

#[derive(Debug, Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

// === impl SyslogServer ===

impl SyslogServer {
    /// A datagram is a message.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn udp() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port of the loopback interface");
        let address = format!("udp://{}", socket.local_addr().expect("a bound socket has an address"));
        Self::start(address, |messages, _| async move {
            let mut datagram = vec![0; 64 * 1024];
            while let Ok(length) = socket.recv(&mut datagram).await {
                messages.add(&datagram[..length]);
            }
        })
    }

    /// A datagram is a message.
    ///
    /// # Panics
    /// When nothing can be bound there.
    pub fn unix(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a path that is free");
        Self::start(format!("unix:{}", path.display()), |messages, _| async move {
            let mut datagram = vec![0; 64 * 1024];
            while let Ok(length) = socket.recv(&mut datagram).await {
                messages.add(&datagram[..length]);
            }
        })
    }

    /// Messages have their length before them (RFC 6587, 3.4.1).
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn tcp() -> Self {
        Self::tcp_at("127.0.0.1:0").await
    }

    /// The same at an address that was in use before.
    ///
    /// # Panics
    /// When nothing can be bound there, for long.
    pub async fn tcp_at(address: &str) -> Self {
        let listener = eventually("the address is free", async || TcpListener::bind(address).await.ok()).await;
        let address = format!("tcp://{}", listener.local_addr().expect("a bound socket has an address"));
        Self::start(address, |messages, scope| async move {
            while let Ok((stream, _)) = listener.accept().await {
                scope.spawn(read_frames(stream, messages.clone()));
            }
        })
    }

    /// The same over a Unix socket.
    ///
    /// # Panics
    /// When nothing can be bound there.
    pub fn unix_stream(path: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a path that is free");
        Self::start(format!("unix:{}", path.display()), |messages, scope| async move {
            while let Ok((stream, _)) = listener.accept().await {
                scope.spawn(read_frames(stream, messages.clone()));
            }
        })
    }

    fn start<F>(address: String, serve: impl FnOnce(Messages, Scope) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (owner, scope) = Scope::open();
        let messages = Messages::default();
        scope.spawn(serve(messages.clone(), scope.clone()));
        Self { address, messages, _owner: owner }
    }

    /// What it was told so far.
    pub fn messages(&self) -> Vec<String> {
        self.messages.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn read_frames(stream: impl AsyncRead + Unpin, messages: Messages) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = Vec::new();
        if !matches!(stream.read_until(b' ', &mut length).await, Ok(1..)) {
            return;
        }
        let length = String::from_utf8_lossy(&length);
        let Ok(length) = length.trim_end().parse() else { panic!("`{length}` is no length of a message") };
        let mut message = vec![0; length];
        if stream.read_exact(&mut message).await.is_err() {
            return;
        }
        messages.add(&message);
    }
}

// === impl Messages ===

impl Messages {
    fn add(&self, message: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(String::from_utf8_lossy(message).into_owned());
    }
}

//! A raw client: what goes out is what the test wrote, what comes in is read octet by octet.
//!
//! It is strict where a friendly client would be lenient (line ends, framing, what follows a body), because it is
//! there to see what the gateway really put on the wire.

mod failure;
mod io;
mod message;

pub mod frames;
pub mod proxy_protocol;

pub use failure::{Failure, Why};
pub use io::Io;
pub use message::{Fields, Framing, Head, Request, Response};

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time::Instant,
};

use crate::{PATIENCE, tls};

/// How much of what arrived is kept for the message of a failure.
const REMEMBERED: usize = 16 * 1024;

/// One connection, seen raw.
///
/// Each reading method has the patience of the connection as its limit in all, and fails with what had arrived.
pub struct Wire {
    stream: Box<dyn Io>,
    /// Arrived, and not yet read by the test.
    unread: Vec<u8>,
    /// Everything that arrived, up to a limit.
    remembered: Vec<u8>,
    patience: Duration,
    until: Instant,
}

// === impl Wire ===

impl Wire {
    /// Connects to a TCP address.
    ///
    /// # Panics
    /// When nobody accepts.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        Self::over(stream.unwrap_or_else(|error| panic!("cannot connect to {address}: {error}")))
    }

    /// Connects to a unix socket.
    ///
    /// # Panics
    /// When nobody accepts.
    pub async fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).await;
        Self::over(stream.unwrap_or_else(|error| panic!("cannot connect to {}: {error}", path.display())))
    }

    /// Connects to a TCP address and speaks TLS to `name` on it.
    ///
    /// # Panics
    /// When nobody accepts, or the handshake fails; [`tls::connect`] gives the error instead.
    pub async fn tls(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> Self {
        let stream = tls::connect(address, name, config).await;
        Self::over(stream.unwrap_or_else(|error| panic!("no TLS with {name} at {address}: {error}")))
    }

    /// Uses a connection that is already there.
    pub fn over(stream: impl Io) -> Self {
        stream.send_at_once();
        Self {
            stream: Box::new(stream),
            unread: Vec::new(),
            remembered: Vec::new(),
            patience: PATIENCE,
            until: Instant::now(),
        }
    }

    /// Changes how long each reading method waits in all.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends octets as they are.
    ///
    /// # Errors
    /// When the peer has closed; what it said before is still there to be read.
    pub async fn send(&mut self, octets: impl AsRef<[u8]>) -> Result<(), Failure> {
        let sending = async {
            self.stream.write_all(octets.as_ref()).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(self.patience, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failure(Why::Broken(error.kind()))),
            Err(_) => Err(self.failure(Why::Late(self.patience))),
        }
    }

    /// Closes the sending half: the peer reads the end, and can still answer.
    ///
    /// # Errors
    /// When the peer has closed.
    pub async fn finish(&mut self) -> Result<(), Failure> {
        let result = self.stream.shutdown().await;
        result.map_err(|error| self.failure(Why::Broken(error.kind())))
    }

    /// Closes the connection with a reset instead of an end.
    pub fn reset(self) {
        self.stream.reset_on_close();
    }

    /// Keeps the connection open and says nothing more, until the task ends.
    pub async fn hang(self) {
        let _stream = self.stream;
        std::future::pending::<()>().await;
    }

    /// Reads one response: interim ones, head, body as framed, trailers.
    ///
    /// # Errors
    /// When it does not come whole, or is no HTTP/1.x.
    pub async fn response(&mut self) -> Result<Response, Failure> {
        self.begin();
        message::response(self, false).await
    }

    /// Reads one response to a HEAD request, which has no body whatever its fields say.
    ///
    /// # Errors
    /// As [`Wire::response`].
    pub async fn response_to_head(&mut self) -> Result<Response, Failure> {
        self.begin();
        message::response(self, true).await
    }

    /// Reads one request with its body.
    ///
    /// # Errors
    /// When it does not come whole, or is no HTTP/1.x.
    pub async fn request(&mut self) -> Result<Request, Failure> {
        self.begin();
        message::request(self).await
    }

    /// Reads the head of a message alone; its body can then be read in steps.
    ///
    /// # Errors
    /// When it does not come whole, or is no HTTP/1.x.
    pub async fn head(&mut self) -> Result<Head, Failure> {
        self.begin();
        message::head(self).await
    }

    /// Reads one chunk of a chunked body; an empty one is the last, and its trailers are left unread.
    ///
    /// # Errors
    /// When it does not come whole, or is no chunk.
    pub async fn chunk(&mut self) -> Result<Vec<u8>, Failure> {
        self.begin();
        message::chunk(self).await
    }

    /// Reads exactly so many octets.
    ///
    /// # Errors
    /// When there are fewer.
    pub async fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        self.begin();
        self.take(count).await
    }

    /// Reads whatever is there or comes next, at least one octet.
    ///
    /// # Errors
    /// When nothing comes.
    pub async fn some(&mut self) -> Result<Vec<u8>, Failure> {
        self.begin();
        if self.unread.is_empty() {
            self.fill().await?;
        }
        Ok(std::mem::take(&mut self.unread))
    }

    /// Reads until the peer closes in order.
    ///
    /// # Errors
    /// When it does not close, or closes with a reset ([`Why::Broken`]).
    pub async fn until_close(&mut self) -> Result<Vec<u8>, Failure> {
        self.begin();
        self.rest().await
    }

    /// The connection itself, and what was read from it and not used.
    pub fn into_parts(self) -> (Box<dyn Io>, Vec<u8>) {
        (self.stream, self.unread)
    }

    /// Starts the time that the reading method in hand has in all.
    fn begin(&mut self) {
        self.until = Instant::now() + self.patience;
    }

    /// One line, which must end in CRLF, without it. Octets become the characters of the same number.
    async fn line(&mut self) -> Result<String, Failure> {
        let mut searched = 0;
        let end = loop {
            if let Some(at) = self.unread[searched..].iter().position(|octet| *octet == b'\n') {
                break searched + at;
            }
            searched = self.unread.len();
            self.fill().await?;
        };
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(line.iter().map(|octet| char::from(*octet)).collect()),
            None => Err(self.failure(Why::NotHttp("a line ends in LF without CR".into()))),
        }
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        while self.unread.len() < count {
            self.fill().await?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    async fn rest(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            match self.fill().await {
                Ok(()) => {}
                Err(Failure { why: Why::Closed, .. }) => return Ok(std::mem::take(&mut self.unread)),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Waits for at least one more octet.
    async fn fill(&mut self) -> Result<(), Failure> {
        let before = self.unread.len();
        self.unread.reserve(8 * 1024);
        let why = match tokio::time::timeout_at(self.until, self.stream.read_buf(&mut self.unread)).await {
            Ok(Ok(0)) => Why::Closed,
            Ok(Ok(_)) => {
                let room = REMEMBERED.saturating_sub(self.remembered.len());
                self.remembered.extend(self.unread[before..].iter().take(room));
                return Ok(());
            }
            Ok(Err(error)) => Why::Broken(error.kind()),
            Err(_) => Why::Late(self.patience),
        };
        Err(self.failure(why))
    }

    fn failure(&self, why: Why) -> Failure {
        Failure { why, received: self.remembered.clone() }
    }
}

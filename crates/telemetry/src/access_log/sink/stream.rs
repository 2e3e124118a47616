//! Syslog over a connection.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use message::Random;
use model::EndpointAddress;

use super::{Shared, Sink, frame::Frames};
use crate::access_log::shared::Retry;

/// Sends messages with their length, and connects anew when it must.
pub(super) struct StreamSink {
    address: EndpointAddress,
    connection: Option<Connection>,
    frames: Frames,
    random: Random,
}

enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// For a connection, and for what is sent on it to be taken.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long lines are offered again before they are given up.
pub(super) const RETRY: Duration = Duration::from_secs(60);

/// Whether it can be connected to as a stream.
pub(super) fn is_stream(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

// === impl StreamSink ===

impl StreamSink {
    pub(super) fn new(address: EndpointAddress, random: Random) -> Self {
        Self { address, connection: None, frames: Frames::default(), random }
    }

    /// Sends the messages from `first` on; fails with how many of them went out whole.
    fn send(&mut self, first: usize) -> Result<(), (usize, io::Error)> {
        if self.connection.as_mut().is_none_or(Connection::is_over) {
            self.connection = Some(Connection::open(&self.address).map_err(|error| (0, error))?);
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let bytes = self.frames.from(first);
        let mut sent = 0;
        while sent < bytes.len() {
            match connection.write(&bytes[sent..]) {
                Ok(0) => return Err((self.frames.whole(first, sent), io::ErrorKind::WriteZero.into())),
                Ok(more) => sent += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.connection = None;
                    return Err((self.frames.whole(first, sent), error));
                }
            }
        }
        Ok(())
    }
}

impl Sink for StreamSink {
    fn write(&mut self, bytes: &[u8], _: u64, shared: &Shared) {
        self.frames.fill(bytes);
        let mut retry = Retry::new(RETRY, &mut self.random);
        let mut first = 0;
        loop {
            match self.send(first) {
                Ok(()) => return shared.written((self.frames.len() - first) as u64),
                Err((whole, error)) => {
                    shared.written(whole as u64);
                    shared.failed(&error);
                    first += whole;
                }
            }
            if !retry.again(shared, Duration::ZERO) {
                return shared.dropped((self.frames.len() - first) as u64);
            }
        }
    }
}

// === impl Connection ===

impl Connection {
    fn open(address: &EndpointAddress) -> io::Result<Self> {
        let stream = match address {
            EndpointAddress::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(Self::Unix(stream));
            }
            _ => connect(address)?,
        };
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self::Tcp(stream))
    }

    /// A server that ended the connection says so; what is sent after that is lost without a word.
    fn is_over(&mut self) -> bool {
        let is_over = |read: io::Result<usize>| match read {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        let mut byte = [0];
        match self {
            Self::Tcp(stream) => {
                _ = stream.set_nonblocking(true);
                let over = is_over(stream.read(&mut byte));
                over || stream.set_nonblocking(false).is_err()
            }
            Self::Unix(stream) => {
                _ = stream.set_nonblocking(true);
                let over = is_over(stream.read(&mut byte));
                over || stream.set_nonblocking(false).is_err()
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }
}

fn connect(address: &EndpointAddress) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, format!("{address} has no address"));
    for address in address.to_string().to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

//! Syslog as datagrams: one for each line.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket},
    os::unix::net::UnixDatagram,
    time::Duration,
};

use message::Random;
use model::EndpointAddress;

use super::{
    Shared, Sink,
    frame::messages,
    stream::{PATIENCE, RETRY},
};
use crate::access_log::shared::Retry;

/// Sends each line for itself. Over UDP nobody says whether it arrived.
pub(super) struct DatagramSink {
    address: EndpointAddress,
    socket: Option<Socket>,
    random: Random,
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

// === impl DatagramSink ===

impl DatagramSink {
    pub(super) fn new(address: EndpointAddress, random: Random) -> Self {
        Self { address, socket: None, random }
    }

    fn send(&mut self, message: &[u8], shared: &Shared) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(Socket::open(&self.address)?),
        };
        let sent = socket.send(message).or_else(|error| match (socket, error.kind()) {
            // That is about the one before, which nobody took.
            (Socket::Udp(_), io::ErrorKind::ConnectionRefused) => {
                shared.dropped(1);
                shared.failed(&error);
                socket.send(message)
            }
            _ => Err(error),
        });
        if sent.as_ref().is_err_and(|error| !is_too_long(error)) {
            self.socket = None;
        }
        sent
    }
}

impl Sink for DatagramSink {
    fn write(&mut self, bytes: &[u8], _: u64, shared: &Shared) {
        let mut retry = Retry::new(RETRY, &mut self.random);
        let mut gave_up = false;
        for message in messages(bytes) {
            while !gave_up {
                match self.send(message, shared) {
                    Ok(()) => {
                        shared.written(1);
                        break;
                    }
                    Err(error) => {
                        shared.failed(&error);
                        if is_too_long(&error) {
                            shared.dropped(1);
                            break;
                        }
                        gave_up = !retry.again(shared, Duration::ZERO);
                    }
                }
            }
            if gave_up {
                shared.dropped(1);
            }
        }
    }
}

/// A datagram that no network carries will not be carried the next time either.
fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error())
}

// === impl Socket ===

impl Socket {
    fn open(address: &EndpointAddress) -> io::Result<Self> {
        if let EndpointAddress::Unix(path) = address {
            let socket = UnixDatagram::unbound()?;
            socket.connect(path)?;
            socket.set_write_timeout(Some(PATIENCE))?;
            return Ok(Self::Unix(socket));
        }
        let mut addresses = address.to_string().to_socket_addrs()?;
        let not_found = || io::Error::new(io::ErrorKind::NotFound, format!("{address} has no address"));
        let server = addresses.next().ok_or_else(not_found)?;
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        Ok(Self::Udp(socket))
    }

    fn send(&self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(message),
            Self::Unix(socket) => socket.send(message),
        }
        .map(drop)
    }
}

//! Listening sockets: one per worker and address, made by the control plane so that it can say what went wrong.

use std::{
    fmt, fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::{fs::FileTypeExt, net::UnixListener},
    path::Path,
    sync::{Arc, atomic::AtomicU32},
};

use snapshot::Address;
use socket2::{Domain, Protocol, Type};

/// Sockets bound to one address, one for each worker.
#[derive(Debug)]
pub struct Sockets {
    address: Address,
    kinds: Vec<Kind>,
    connections: Arc<AtomicU32>,
}

/// Why an address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    pub address: Address,
    pub error: io::Error,
}

/// One worker's socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) kind: Kind,
    /// Open connections that came from here, on all workers.
    pub(crate) connections: Arc<AtomicU32>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Connections that the kernel accepts before we do; it caps this at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

// === impl Sockets ===

impl Sockets {
    /// `held` are the addresses that this gateway listens on already: moving from one address of a port to all of them,
    /// or back, finds the port in its own hands.
    ///
    /// # Errors
    /// The address is in use, not ours, or not allowed.
    pub fn bind<'a>(
        address: &Address,
        workers: usize,
        held: impl IntoIterator<Item = &'a Address>,
    ) -> Result<Self, BindError> {
        let failed = |error| BindError { address: address.clone(), error };
        let (address, kinds) = match address {
            Address::Tcp(tcp) => {
                let is_ours =
                    held.into_iter().any(|held| matches!(held, Address::Tcp(held) if held.port() == tcp.port()));
                bind_tcp(*tcp, workers, is_ours).map_err(failed)?
            }
            Address::Unix(path) => (address.clone(), bind_unix(path, workers).map_err(failed)?),
        };
        Ok(Self { address, kinds, connections: Arc::default() })
    }

    /// Where they really listen: with port 0, the kernel chose one.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn into_each(self) -> impl Iterator<Item = Socket> {
        let connections = self.connections;
        self.kinds.into_iter().map(move |kind| Socket { kind, connections: connections.clone() })
    }
}

/// The kernel spreads connections over sockets that share an address (`SO_REUSEPORT`).
fn bind_tcp(mut address: SocketAddr, workers: usize, is_ours: bool) -> io::Result<(Address, Vec<Kind>)> {
    if !is_ours {
        // Alone first: another process that shares its port as well would go unnoticed and take half of the traffic.
        address = listen(address, false)?.local_addr()?;
    }
    let kinds = (0..workers).map(|_| listen(address, true).map(Kind::Tcp)).collect::<io::Result<_>>()?;
    Ok((Address::Tcp(address), kinds))
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

/// Workers share one unix socket. One that nobody listens on any more is left over from a crash and replaced.
fn bind_unix(path: &Path, workers: usize) -> io::Result<Vec<Kind>> {
    if is_stale(path) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    (0..workers).map(|_| listener.try_clone().map(Kind::Unix)).collect()
}

fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && std::os::unix::net::UnixStream::connect(path).is_err_and(refused)
}

// === impl BindError ===

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.error)?;
        match self.error.kind() {
            io::ErrorKind::AddrInUse => f.write_str("; another process listens there (see `ss -ltnp`)"),
            io::ErrorKind::PermissionDenied => f.write_str("; ports below 1024 need CAP_NET_BIND_SERVICE"),
            io::ErrorKind::AddrNotAvailable => f.write_str("; this machine does not have the address (see `ip addr`)"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {}

//! Addresses beside the listeners: for operators, and for services that register.

use std::{
    env, fs, io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use control::Refusal;
use listen::Listener;
use model::{Address, Place, Report};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::failure::Failure;

/// So many may wait to be accepted.
const BACKLOG: i32 = 128;

/// Who may connect to a unix socket, beside the folder that it stands in saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As the umask says.
    AsIs,
    /// Nobody but the user that the gateway runs as.
    Private,
}

/// A socket that listens, and where: with port 0, the kernel chose one.
pub(super) fn bind(address: &Address, mode: Mode) -> io::Result<(Listener, Address)> {
    Ok(match address {
        Address::Tcp(address) => {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let bound = Address::Tcp(listener.local_addr()?);
            (tokio::net::TcpListener::from_std(listener)?.into(), bound)
        }
        Address::Unix(path) => {
            remove_stale(path)?;
            let listener = unix(path, mode)?;
            listener.set_nonblocking(true)?;
            (tokio::net::UnixListener::from_std(listener)?.into(), address.clone())
        }
    })
}

fn unix(path: &Path, mode: Mode) -> io::Result<UnixListener> {
    if mode == Mode::AsIs {
        return UnixListener::bind(path);
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before it listens.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Takes a socket away that nobody listens on any more: left over from a crash.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket && UnixStream::connect(path).is_err_and(refused) { fs::remove_file(path) } else { Ok(()) }
}

/// Why there is no socket, with the place of the address below `gateway` in the document.
pub(super) fn refused(document: &Path, section: &str, what: &str, error: &io::Error) -> Failure {
    let message = format!("cannot listen on {what}: {error}");
    let mut report = Report::default();
    let place = place(document, section).unwrap_or_else(|| start_of(document));
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            report.error_with_hint(&place, message, "another process listens there (see `ss -ltnp`)");
        }
        _ => report.error(&place, message),
    }
    Refusal::Document(report).into()
}

/// Where the document names the address. It was read before, so it is only asked again when there is bad news.
fn place(document: &Path, section: &str) -> Option<Place> {
    let text = fs::read_to_string(document).ok()?;
    let name = document.display().to_string();
    let root = model::parse(&name, &text, &|variable| env::var(variable).ok(), &mut Report::default())?;
    Some(root.get("gateway")?.get(section)?.near("address").place.clone())
}

fn start_of(document: &Path) -> Place {
    Place { file: document.display().to_string().into(), line: 1, column: 1 }
}

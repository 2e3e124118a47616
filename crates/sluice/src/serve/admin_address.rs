//! The admin address of a running gateway.

use std::{
    env, fs, io,
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

use admin::{Check, LogLevelOrder, LogLevelTold, Readiness};
use control::{Control, Refusal};
use message::Token;
use model::{Address, Place, Report};
use snapshot::{BreakerOrder, BreakerTold, EndpointHealthTold, Explanation, OrderError, Question, QuestionError};
use telemetry::Format;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{failure::Failure, log::Levels};

/// Answers operators until it is closed.
pub(super) struct AdminAddress {
    address: Address,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// The gateway as its admin address sees it.
struct Operated {
    control: Arc<Control>,
    token: Token,
    levels: Levels,
}

// === impl AdminAddress ===

impl AdminAddress {
    /// Binds the address that the document names, if any, and answers there.
    pub(super) fn open(document: &Path, control: &Arc<Control>, levels: Levels) -> Result<Option<Self>, Failure> {
        let Some((address, token)) = control.admin() else { return Ok(None) };
        let (listener, address) = bind(&address).map_err(|error| refused(document, &address, &error))?;
        let (stop, stopped) = oneshot::channel();
        let gateway = Arc::new(Operated { control: control.clone(), token, levels });
        let serving = tokio::spawn(admin::serve(listener, gateway, async {
            // Sent or dropped: either way it is time.
            _ = stopped.await;
        }));
        Ok(Some(Self { address, stop, serving }))
    }

    /// Where it really listens: with port 0, the kernel chose one.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Finishes what is under way, which takes a few seconds at most.
    pub(super) async fn close(self) {
        let Self { address, stop, serving } = self;
        drop(stop);
        // That it panicked has been said, and there is nothing left to close.
        _ = serving.await;
        if let Address::Unix(path) = address {
            // Somebody else may have taken it away.
            _ = fs::remove_file(path);
        }
    }
}

fn bind(address: &Address) -> io::Result<(admin::Listener, Address)> {
    Ok(match address {
        Address::Tcp(address) => {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let bound = Address::Tcp(listener.local_addr()?);
            (tokio::net::TcpListener::from_std(listener)?.into(), bound)
        }
        Address::Unix(path) => {
            remove_stale(path)?;
            let listener = UnixListener::bind(path)?;
            listener.set_nonblocking(true)?;
            (tokio::net::UnixListener::from_std(listener)?.into(), address.clone())
        }
    })
}

/// Takes a socket away that nobody listens on any more: left over from a crash.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket && UnixStream::connect(path).is_err_and(refused) { fs::remove_file(path) } else { Ok(()) }
}

fn refused(document: &Path, address: &Address, error: &io::Error) -> Failure {
    let message = format!("cannot listen on {address} for operators: {error}");
    let mut report = Report::default();
    let place = place(document).unwrap_or_else(|| start_of(document));
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            report.error_with_hint(&place, message, "another process listens there (see `ss -ltnp`)");
        }
        _ => report.error(&place, message),
    }
    Refusal::Document(report).into()
}

/// Where the document names the address. It was read before, so it is only asked again when there is bad news.
fn place(document: &Path) -> Option<Place> {
    let text = fs::read_to_string(document).ok()?;
    let name = document.display().to_string();
    let root = model::parse(&name, &text, &|variable| env::var(variable).ok(), &mut Report::default())?;
    Some(root.get("gateway")?.get("admin")?.near("address").place.clone())
}

fn start_of(document: &Path) -> Place {
    Place { file: document.display().to_string().into(), line: 1, column: 1 }
}

// === impl Operated ===

impl admin::Gateway for Operated {
    /// The address is opened after the listeners are bound and the first document is live, so those two hold.
    fn readiness(&self) -> Readiness {
        let drain = match self.control.is_draining() {
            false => Check::ok("drain"),
            true => Check::failed("drain", "the gateway is shutting down and takes no new connections"),
        };
        [Check::ok("listeners"), Check::ok("configuration"), drain].into_iter().collect()
    }

    fn metrics(&self, format: Format) -> String {
        self.control.render_metrics(format)
    }

    fn explain(&self, question: &Question) -> Result<Explanation, QuestionError> {
        snapshot::explain(&self.control.snapshot(), question)
    }

    fn health(&self) -> Vec<EndpointHealthTold> {
        self.control.health()
    }

    fn breakers(&self) -> Vec<BreakerTold> {
        self.control.snapshot().breakers().tell(Instant::now(), SystemTime::now())
    }

    fn order_breakers(&self, order: &BreakerOrder) -> Result<Vec<BreakerTold>, OrderError> {
        self.control.snapshot().breakers().order(order, Instant::now(), SystemTime::now())
    }

    fn log_level(&self) -> LogLevelTold {
        self.levels.tell()
    }

    fn order_log_level(&self, order: &LogLevelOrder) -> LogLevelTold {
        if let Some(lasts) = self.levels.order(order, Instant::now(), SystemTime::now()) {
            let levels = self.levels.clone();
            drop(tokio::spawn(async move {
                tokio::time::sleep(lasts).await;
                levels.expire(Instant::now());
            }));
        }
        self.levels.tell()
    }

    fn token(&self) -> &Token {
        &self.token
    }
}

//! What the operating system asks for.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

/// The signals that mean something to a gateway. While this exists, none of them kills the process.
pub(super) struct Signals {
    hangup: unix::Signal,
    interrupt: unix::Signal,
    terminate: unix::Signal,
    /// A file became as large as a process may make one: whoever writes gets an error instead, and the process lives.
    _file_size: unix::Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGHUP
    Reload,
    /// SIGTERM, or SIGINT from Ctrl-C
    End,
}

// === impl Signals ===

impl Signals {
    /// # Errors
    /// The operating system refuses a handler.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _file_size: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the next one. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.terminate.recv() => Signal::End,
        }
    }

    /// Waits for SIGINT.
    pub(super) async fn interrupted(&mut self) {
        self.interrupt.recv().await;
    }
}

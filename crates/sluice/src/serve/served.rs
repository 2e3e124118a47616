//! Something that answers at an address until it is closed.

use std::{fs, future::Future, pin::Pin};

use model::Address;
use tokio::{sync::oneshot, task::JoinHandle};

pub(super) struct Served {
    address: Address,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// Ends when it is time to stop.
pub(super) type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

// === impl Served ===

impl Served {
    /// `serve` is asked to end by the future that it is given, and takes a few seconds at most for that.
    pub(super) fn start<F>(address: Address, serve: impl FnOnce(Stopped) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(Box::pin(async {
            // Sent or dropped: either way it is time.
            _ = stopped.await;
        })));
        Self { address, stop, serving }
    }

    /// Where it really listens.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Finishes what is under way.
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

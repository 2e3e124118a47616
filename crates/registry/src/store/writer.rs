//! The thread that writes, and what it has written.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::Store;
use crate::core::Touched;

/// Wakes the thread, which ends with this.
pub(crate) struct Writer {
    wake: SyncSender<()>,
    kept: watch::Receiver<u64>,
    failures: Arc<AtomicU64>,
}

/// Waits until something is on disk.
type Kept = watch::Receiver<u64>;

/// Before a file that could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);

// === impl Writer ===

impl Writer {
    /// `take` gives what is to be written: what was touched, or everything.
    ///
    /// While one batch is being written the next one gathers, so a slow disk makes batches large and not many.
    pub(crate) fn start(store: Store, take: impl Fn(bool) -> Option<Touched> + Send + 'static) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let (done, kept) = watch::channel(0);
        let failures = Arc::<AtomicU64>::default();
        let counter = failures.clone();
        scheduling::background("registry", move || run(store, &woken, &done, &counter, take))?;
        Ok(Self { wake, kept, failures })
    }

    /// There is something to write.
    pub(crate) fn wake(&self) {
        // If it is full, the thread will look anyway.
        _ = self.wake.try_send(());
    }

    pub(crate) fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// How many batches could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }
}

fn run(
    mut store: Store,
    woken: &Receiver<()>,
    kept: &watch::Sender<u64>,
    failures: &AtomicU64,
    take: impl Fn(bool) -> Option<Touched>,
) {
    let mut is_behind = false;
    loop {
        let wait = if is_behind {
            woken.recv_timeout(AGAIN)
        } else {
            woken.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        if wait == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        let Some(touched) = take(is_behind) else { return };
        let written = store.write(&touched, is_behind);
        match &written {
            Ok(()) if is_behind => tracing::info!("the file of the registry is written again, and whole"),
            Ok(()) => {}
            Err(error) => {
                failures.fetch_add(1, Relaxed);
                if !is_behind {
                    tracing::error!(%error, "the registry goes on in memory alone: a restart would forget what is new");
                }
            }
        }
        is_behind = written.is_err();
        // Also after a failure: nobody is served better by a registry that answers nothing.
        kept.send_replace(touched.revision);
    }
}

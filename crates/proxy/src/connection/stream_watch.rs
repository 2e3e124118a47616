//! Notices streams whose client stopped taking the response (RFC 9113 lets it, by never opening the window).

use std::{
    cell::Cell,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

use hyper::rt::Executor;

use super::{Alarm, Connection};

/// Shared by the relay of a response, which says when it handed something over, and the task of the stream.
#[derive(Debug, Default)]
pub(crate) struct StreamWatch {
    /// When the codec was given something that it has not come back from; `None` while it waits for us.
    handed_over: Cell<Option<Instant>>,
}

/// Runs the streams of an HTTP/2 connection on its worker, each under watch.
#[derive(Clone)]
pub(super) struct StreamExecutor {
    pub(super) connection: Rc<Connection>,
}

// === impl StreamWatch ===

impl StreamWatch {
    /// The codec got a piece of the body.
    pub(crate) fn handed_over(&self, now: Instant) {
        self.handed_over.set(Some(now));
    }

    /// The codec asked for more and has to wait for the endpoint.
    pub(crate) fn waiting(&self) {
        self.handed_over.set(None);
    }

    /// Whether the client took nothing of the stream for too long.
    pub(crate) fn is_overdue(&self, stall_timeout: Duration, now: Instant) -> bool {
        self.deadline(stall_timeout).is_some_and(|deadline| deadline <= now)
    }

    fn deadline(&self, stall_timeout: Duration) -> Option<Instant> {
        self.handed_over.get().map(|since| since + stall_timeout)
    }
}

// === impl StreamExecutor ===

impl<F: Future<Output = ()> + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, future: F) {
        let stall_timeout = self.connection.limits.stall_timeout;
        let watch = self.connection.watch.take();
        drop(tokio::task::spawn_local(async move {
            match watch {
                Some(watch) => run_watched(future, &watch, stall_timeout).await,
                None => future.await,
            }
        }));
    }
}

/// Drops the stream, and so resets it, when its client takes nothing for too long.
async fn run_watched(future: impl Future<Output = ()>, watch: &StreamWatch, stall_timeout: Duration) {
    let mut future = pin!(future);
    let mut alarm = Alarm::default();
    poll_fn(|context| {
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        match watch.deadline(stall_timeout) {
            Some(deadline) => alarm.poll(context, deadline),
            None => Poll::Pending,
        }
    })
    .await;
}

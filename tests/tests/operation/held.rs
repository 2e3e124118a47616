//! An origin that answers when the test says.

use std::sync::Arc;

use http::Response;
use testkit::{body, eventually, origin::Origin};
use tokio::sync::Semaphore;

/// Holds every answer back until it is released.
pub(crate) struct Held {
    pub(crate) origin: Origin,
    released: Arc<Semaphore>,
}

// === impl Held ===

impl Held {
    pub(crate) async fn start() -> Self {
        let released = Arc::new(Semaphore::new(0));
        let gate = Arc::clone(&released);
        let origin = Origin::start(move |_| {
            let gate = Arc::clone(&gate);
            async move {
                let _passed = gate.acquire().await;
                Response::new(body::full("at last"))
            }
        })
        .await;
        Self { origin, released }
    }

    /// Waits until so many requests are here.
    pub(crate) async fn has(&self, requests: usize) {
        eventually("the requests are under way", async || (self.origin.counts.requests() >= requests).then_some(()))
            .await;
    }

    /// Answers all that came and all that will come.
    pub(crate) fn release(&self) {
        self.released.add_permits(1);
    }
}

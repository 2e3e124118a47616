//! An origin by hand: reads what the gateway sent and answers any octets, or none.

use std::{
    future::Future,
    net::SocketAddr,
    ops::{Deref, DerefMut},
};

use demo::{Scope, ScopeOwner};
use tokio::sync::{
    Mutex,
    mpsc::{self, UnboundedReceiver, UnboundedSender},
};

use super::Counts;
use crate::{
    PATIENCE,
    wire::{Failure, Request, Wire},
    within,
};

/// An HTTP/1.1 origin whose connections are scripted.
///
/// ```no_run
/// # async fn example() {
/// use testkit::origin::RawOrigin;
/// let origin = RawOrigin::start(async |mut conn| {
///     let _ = conn.request().await;
///     let _ = conn.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
///     conn.reset();
/// })
/// .await;
/// # }
/// ```
#[derive(Debug)]
pub struct RawOrigin {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it has seen.
    pub counts: Counts,
    arrived: Mutex<UnboundedReceiver<Request>>,
    _owner: ScopeOwner,
}

/// One connection of the gateway to a [`RawOrigin`]; it is a [`Wire`], and closes when it is dropped.
pub struct RawConn {
    /// Which connection of the origin this is, from 1.
    pub number: usize,
    wire: Wire,
    counts: Counts,
    arrivals: UnboundedSender<Request>,
}

// === impl RawOrigin ===

impl RawOrigin {
    /// Runs `script` for each connection.
    pub async fn start<S, F>(script: S) -> Self
    where
        S: Fn(RawConn) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (listener, address) = super::bind().await;
        let (owner, scope) = Scope::open();
        let (arrivals, arrived) = mpsc::unbounded_channel();
        let counts = Counts::default();
        let origin = Self { address, counts: counts.clone(), arrived: Mutex::new(arrived), _owner: owner };
        scope.clone().spawn(async move {
            loop {
                let wire = Wire::over(super::accept(&listener).await);
                let (number, open) = counts.connection();
                let talk = script(RawConn { number, wire, counts: counts.clone(), arrivals: arrivals.clone() });
                scope.spawn(async move {
                    talk.await;
                    drop(open);
                });
            }
        });
        origin
    }

    /// Answers every request of every connection with the same octets.
    pub async fn answering(answer: impl AsRef<[u8]>) -> Self {
        let answer = answer.as_ref().to_vec();
        Self::start(move |mut conn| {
            let answer = answer.clone();
            async move { while conn.request().await.is_ok() && conn.send(&answer).await.is_ok() {} }
        })
        .await
    }

    /// The next request that a script has read, in the order of arrival.
    ///
    /// # Panics
    /// When none comes in time.
    #[track_caller]
    pub fn next_request(&self) -> impl Future<Output = Request> {
        within(PATIENCE, async { self.arrived.lock().await.recv().await.expect("the origin is running") })
    }
}

// === impl RawConn ===

impl RawConn {
    /// Reads one request, counts it, and leaves a copy for [`RawOrigin::next_request`].
    ///
    /// # Errors
    /// When none comes: mostly because the gateway has closed the connection.
    pub async fn request(&mut self) -> Result<Request, Failure> {
        let request = self.wire.request().await?;
        self.counts.request();
        // Nobody listens any more when the test is over.
        let _ = self.arrivals.send(request.clone());
        Ok(request)
    }

    /// Closes with a reset instead of an end.
    pub fn reset(self) {
        self.wire.reset();
    }

    /// Keeps the connection open and says nothing more.
    pub async fn hang(self) {
        self.wire.hang().await;
    }
}

impl Deref for RawConn {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for RawConn {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

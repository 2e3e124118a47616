//! A bound on the connections of an upstream, over all workers and endpoints.
//!
//! ```text
//! one more? ─▶ a place ─▶ open, and counted until it is closed
//!         └──▶ none: wait, for a place in turn or for a connection of this pool that comes back
//!                └─▶ a wish: pools close what they keep unused; who has nothing unused owes what comes back
//! ```
//! Places are taken by who opens and given back by who closes. Whoever uses a kept connection looks at cells of its worker only.

use std::{
    cell::{Cell, OnceCell},
    rc::{Rc, Weak},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use message::{Cause, Error, Result};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::Instant,
};

use super::{Lease, Pool};
use crate::{Bulkhead, Place};

/// The connections that an upstream may have at a time.
pub struct Connections {
    pub(crate) most: u32,
    /// How long a request waits for one.
    pub(crate) wait: Duration,
    places: Arc<Bulkhead>,
    /// Grows whenever somebody has to wait.
    wishes: watch::Sender<u64>,
    /// Those who wait, and whose pool has no connection that could come back.
    starving: AtomicU32,
}

/// What one pool has of them.
pub(super) struct Share {
    connections: Arc<Connections>,
    pool: Weak<Pool>,
    open: Cell<u32>,
    /// Requests that would take whatever comes back.
    waiting: Cell<u32>,
    /// Something came back.
    free: Notify,
    /// Somebody waited when nothing lay unused here: what comes back may be for them.
    owes: Cell<bool>,
    /// Heeds the wishes of others.
    heed: OnceCell<Heed>,
}

/// Counts a connection for as long as it lives.
pub(crate) struct Permit {
    share: Rc<Share>,
    _place: Place,
}

/// What came of asking for one more connection.
pub(super) enum Leave {
    /// It may be opened.
    Open(Permit),
    /// Another one came back in the meantime.
    Kept(Lease),
}

struct Wait<'a> {
    share: &'a Share,
    takes_kept: bool,
    starves: bool,
}

struct Heed(AbortHandle);

// === impl Connections ===

impl Connections {
    pub fn new(most: u32, wait: Duration) -> Arc<Self> {
        // Who waits has a place among the requests, which are bounded as well.
        let places = Bulkhead::new(most, u32::MAX);
        Arc::new(Self { most, wait, places, wishes: watch::Sender::new(0), starving: AtomicU32::new(0) })
    }

    #[cold]
    fn exhausted(&self) -> Error {
        let most = self.most;
        Error::new(
            Cause::UpstreamSaturated,
            format!("the upstream has {most} connections, as many as it may have, and none became free in time"),
        )
    }
}

// === impl Share ===

impl Share {
    pub(super) fn new(connections: Arc<Connections>, pool: Weak<Pool>) -> Rc<Self> {
        let (open, waiting, owes) = (Cell::new(0), Cell::new(0), Cell::new(false));
        Rc::new(Self { connections, pool, open, waiting, free: Notify::new(), owes, heed: OnceCell::new() })
    }

    /// Whether somebody came before who wants what is kept.
    pub(super) fn is_awaited(&self) -> bool {
        self.waiting.get() > 0
    }

    /// Leave to open one more connection for `pool`. `fresh`: what comes back is not wanted.
    ///
    /// # Errors
    /// [`Cause::UpstreamSaturated`]
    pub(super) async fn ask(self: &Rc<Self>, pool: &Rc<Pool>, fresh: bool) -> Result<Leave> {
        let places = &self.connections.places;
        if let Some(place) = places.enter() {
            return Ok(Leave::Open(self.permit(place)));
        }
        let by = Instant::now() + self.connections.wait;
        let mut turn = places.queue().map_err(|_| self.connections.exhausted())?;
        let _waiting = Wait::begin(self, !fresh);
        self.connections.wishes.send_modify(|wishes| *wishes = wishes.wrapping_add(1));
        loop {
            tokio::select! {
                biased;
                place = &mut turn => return Ok(Leave::Open(self.permit(place))),
                () = self.free.notified(), if !fresh => {
                    if let Some(lease) = pool.kept(Instant::now().into_std()) {
                        return Ok(Leave::Kept(lease));
                    }
                }
                () = tokio::time::sleep_until(by) => return Err(self.connections.exhausted()),
            }
        }
    }

    /// A connection, or a place on one, came back.
    pub(super) fn returned(&self) {
        if self.owes.get() && self.pays() {
            return;
        }
        if self.is_awaited() {
            self.free.notify_one();
        }
    }

    /// There is a new connection on which many have room.
    pub(super) fn shared(&self) {
        if self.is_awaited() {
            self.free.notify_waiters();
        }
    }

    /// Somebody waits for a place.
    fn heed(&self, pool: &Pool) {
        if self.connections.places.waiting() > 0 && !pool.give_up() {
            self.owes.set(true);
        }
    }

    /// Closes what came back, if others need it more: nobody here waits, or somebody has nothing that could come back.
    #[cold]
    fn pays(&self) -> bool {
        let Connections { places, starving, .. } = &*self.connections;
        if places.waiting() == 0 {
            self.owes.set(false);
            return false;
        }
        let somebody_starves = starving.load(SeqCst) > 0;
        if self.is_awaited() && !somebody_starves {
            return false;
        }
        let Some(pool) = self.pool.upgrade() else { return false };
        let gives_up = pool.give_up();
        if !gives_up && somebody_starves {
            pool.multiplexed.retire();
        }
        gives_up
    }

    fn permit(self: &Rc<Self>, place: Place) -> Permit {
        self.heed.get_or_init(|| Heed::begin(self));
        // Wishes from before are not heard any more.
        self.owes.set(self.owes.get() || self.connections.places.waiting() > 0);
        self.open.set(self.open.get() + 1);
        Permit { share: self.clone(), _place: place }
    }
}

// === impl Permit ===

impl Permit {
    pub(super) fn share(&self) -> &Share {
        &self.share
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.share.open.set(self.share.open.get() - 1);
    }
}

// === impl Wait ===

impl<'a> Wait<'a> {
    fn begin(share: &'a Share, takes_kept: bool) -> Self {
        let starves = share.open.get() == 0;
        if starves {
            share.connections.starving.fetch_add(1, SeqCst);
        }
        share.waiting.set(share.waiting.get() + u32::from(takes_kept));
        Self { share, takes_kept, starves }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Self { share, takes_kept, starves } = *self;
        share.waiting.set(share.waiting.get() - u32::from(takes_kept));
        if starves {
            share.connections.starving.fetch_sub(1, SeqCst);
        }
    }
}

// === impl Heed ===

impl Heed {
    fn begin(share: &Share) -> Self {
        let (pool, mut wishes) = (share.pool.clone(), share.connections.wishes.subscribe());
        let task = tokio::task::spawn_local(async move {
            while wishes.changed().await.is_ok() {
                let Some(pool) = pool.upgrade() else { return };
                pool.share.iter().for_each(|share| share.heed(&pool));
            }
        });
        Self(task.abort_handle())
    }
}

impl Drop for Heed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

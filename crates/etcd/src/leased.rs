//! A key that lives as long as its lease.

use std::time::Duration;

use tokio::time::timeout;
use upstream::discovery::Failure;

use crate::{
    CallError, Members, Session,
    wire::{LeaseGrant, LeaseKeepAlive, LeaseRevoke, Put, Range},
};

/// A key that is gone when nobody renews it.
pub struct LeasedKey {
    members: Members,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Whether etcd was told of the value.
    is_put: bool,
    ttl: Duration,
    /// As soon as one may have been granted: what hangs on it goes with it.
    lease: Option<i64>,
}

// === impl LeasedKey ===

impl LeasedKey {
    /// Nothing is asked before it is renewed the first time.
    pub fn new(members: Members, key: Vec<u8>, ttl: Duration) -> Self {
        Self { members, key, value: Vec::new(), is_put: false, ttl, lease: None }
    }

    /// What it holds from the next renewal on.
    pub fn set(&mut self, value: Vec<u8>) {
        self.is_put &= self.value == value;
        self.value = value;
    }

    /// Makes sure that the key is there for another `ttl`; it is made anew if it, or its lease, is gone. Once there is a
    /// connection it takes no longer than `bound`, so that a member that says nothing is left for another.
    ///
    /// # Errors
    /// It may be gone once its `ttl` is over.
    pub async fn renew(&mut self, bound: Duration) -> Result<(), Failure> {
        let session = self.members.session().await?;
        let renewed = timeout(bound, self.renew_with(&session)).await;
        match renewed.unwrap_or(Err(CallError::Late(bound))) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.lost(&session, &error)),
        }
    }

    /// Takes it out.
    ///
    /// # Errors
    /// It may be there until its `ttl` is over.
    pub async fn leave(&mut self) -> Result<(), Failure> {
        let Some(id) = self.lease else { return Ok(()) };
        let session = self.members.session().await?;
        match session.ask(&LeaseRevoke { id }).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_no_lease() => Ok(()),
            Err(error) => Err(self.lost(&session, &error)),
        }
    }

    async fn renew_with(&mut self, session: &Session) -> Result<(), CallError> {
        if let Some(id) = self.lease {
            // 0: it ran out, or the members never knew it.
            if session.ask(&LeaseKeepAlive { id }).await?.ttl > 0 {
                return self.see_to_key(session, id).await;
            }
            self.lease = None;
        }
        let granted = session.ask(&LeaseGrant { ttl: seconds(self.ttl) }).await?;
        if granted.id == 0 {
            return Err(CallError::Malformed(format!("no lease was granted: {}", granted.error)));
        }
        self.lease = Some(granted.id);
        self.put(session, granted.id).await
    }

    /// Puts the key anew if it is to hold something else, or if somebody deleted it, or tied it to another lease.
    async fn see_to_key(&mut self, session: &Session, lease: i64) -> Result<(), CallError> {
        if !self.is_put {
            return self.put(session, lease).await;
        }
        let question = Range { key: self.key.clone(), keys_only: true, ..Range::default() };
        let found = session.ask(&question).await?;
        if found.kvs.first().is_some_and(|kv| kv.lease == lease) { Ok(()) } else { self.put(session, lease).await }
    }

    async fn put(&mut self, session: &Session, lease: i64) -> Result<(), CallError> {
        self.is_put = false;
        session.ask(&Put { key: self.key.clone(), value: self.value.clone(), lease }).await?;
        self.is_put = true;
        Ok(())
    }

    fn lost(&self, session: &Session, error: &CallError) -> Failure {
        self.members.lost(session);
        session.failure(error)
    }
}

/// Leases are granted for whole seconds.
fn seconds(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)
}

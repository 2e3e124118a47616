//! Tasks that end with the handle they belong to.

use std::future::Future;

use tokio::sync::watch;

/// The owner's end: dropping it ends every task of its [`Scope`].
#[derive(Debug)]
pub struct ScopeOwner(#[expect(dead_code, reason = "held for its drop")] watch::Sender<()>);

/// Spawns tasks that end when the owner is dropped.
///
/// A connection spawns a tunnel, a tunnel outlives its connection: handing the scope along keeps all of them under
/// the one handle that the caller holds, so that no test leaves anything running behind.
#[derive(Debug, Clone)]
pub struct Scope(watch::Receiver<()>);

// === impl Scope ===

impl Scope {
    /// Opens a scope; the first half is kept by the owner, the second goes along with the work.
    pub fn open() -> (ScopeOwner, Self) {
        let (owner, scope) = watch::channel(());
        (ScopeOwner(owner), Self(scope))
    }

    /// Runs `task` on the current runtime until it is done or the owner is dropped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut owner = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                _ = owner.changed() => {}
            }
        });
    }
}

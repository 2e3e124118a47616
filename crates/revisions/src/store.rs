use std::{fmt, sync::Arc};

use tokio::sync::watch;

use crate::{Draft, Meta, Revision};

/// What keeps revisions. May block for as long as a disk takes.
pub trait Store: Send + Sync + 'static {
    /// The one in force; `None` if nothing was ever kept.
    ///
    /// # Errors
    /// It cannot be read: why.
    fn latest(&self) -> Result<Option<Arc<Revision>>, String>;

    /// `None`: there never was, or it is too old.
    ///
    /// # Errors
    /// It cannot be read: why.
    fn get(&self, number: u64) -> Result<Option<Arc<Revision>>, String>;

    /// The newest first: at most so many, older than `before` if one is given.
    ///
    /// # Errors
    /// They cannot be read: why.
    fn list(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String>;

    /// Keeps one more, if `seen` (0: none) is still the latest. Once it is answered, it survives whatever happens.
    ///
    /// # Errors
    /// Somebody else was faster, or it cannot be kept. Then nothing has changed.
    fn commit(&self, seen: u64, draft: Draft) -> Result<Arc<Revision>, CommitError>;

    /// The number of the latest, told whenever it is another one, also if it is one of ours. `None`: nobody else writes here.
    ///
    /// The number may stay, or go back: a store that was restored from a backup has others of the same numbers.
    fn changed(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// This revision is live: it is what a start begins with if the store cannot be asked. Does not wait for it.
    fn in_force(&self, _revision: &Arc<Revision>) {}

    /// The one that was in force last, before anything was asked here: for a start at which the latest is no good.
    fn last_in_force(&self) -> Option<Arc<Revision>> {
        None
    }

    /// Why what is told may be old, or not what is kept. `None`: all is well.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// Why a revision was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitError {
    /// Another revision is the latest by now: its number.
    Stale(u64),
    Failed(String),
    /// It may be kept, or not: why.
    Unknown(String),
}

// === impl CommitError ===

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(latest) => write!(f, "revision {latest} is the latest by now: look at it, and decide again"),
            Self::Failed(why) | Self::Unknown(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for CommitError {}

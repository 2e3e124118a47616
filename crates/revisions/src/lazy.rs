//! A file of revisions that is made with the first one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{CommitError, Draft, Embedded, Meta, OpenError, Revision, Store};

/// A file of revisions that is opened if it is there, and made with the first revision: whoever changes nothing at run time
/// has no such file.
pub struct Lazy {
    path: PathBuf,
    most: u64,
    opened: Mutex<Option<Arc<Embedded>>>,
}

// === impl Lazy ===

impl Lazy {
    /// Touches nothing yet. `most` revisions are kept, at least one.
    pub fn new(path: PathBuf, most: u64) -> Self {
        Self { path, most, opened: Mutex::default() }
    }

    /// `None`: there is no file.
    fn opened(&self) -> Result<Option<Arc<Embedded>>, OpenError> {
        let mut opened = self.lock();
        if opened.is_none() && self.path.exists() {
            *opened = Some(Arc::new(Embedded::open(&self.path, self.most)?));
        }
        Ok(opened.clone())
    }

    /// The file, which is made if it is not there. It is there whole or not at all.
    fn made(&self) -> Result<Arc<Embedded>, OpenError> {
        if let Some(opened) = self.opened()? {
            return Ok(opened);
        }
        let mut opened = self.lock();
        let failed = |error: io::Error| OpenError { path: self.path.clone(), why: error.to_string() };
        let folder = self.path.parent().unwrap_or(Path::new(""));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let beside = self.path.with_extension("redb.new");
        // Of somebody who was killed while making it.
        _ = fs::remove_file(&beside);
        // Documents may hold secrets.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
        let made = Arc::new(Embedded::open(&beside, self.most)?);
        let placed = fs::hard_link(&beside, &self.path);
        _ = fs::remove_file(&beside);
        placed.and_then(|()| File::open(folder)?.sync_all()).map_err(failed)?;
        *opened = Some(made.clone());
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Embedded>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Lazy {
    fn latest(&self) -> Result<Option<Arc<Revision>>, String> {
        self.opened().map_err(|error| error.to_string())?.map_or(Ok(None), |opened| opened.latest())
    }

    fn get(&self, number: u64) -> Result<Option<Arc<Revision>>, String> {
        self.opened().map_err(|error| error.to_string())?.map_or(Ok(None), |opened| opened.get(number))
    }

    fn list(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String> {
        self.opened().map_err(|error| error.to_string())?.map_or(Ok(Vec::new()), |opened| opened.list(before, most))
    }

    fn commit(&self, seen: u64, draft: Draft) -> Result<Arc<Revision>, CommitError> {
        self.made().map_err(|error| CommitError::Failed(error.to_string()))?.commit(seen, draft)
    }
}

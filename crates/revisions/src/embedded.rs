//! Revisions in a file of our own.
//!
//! One transaction a revision, on the disk before it is answered: whoever is killed at any moment finds the one before or the
//! one after it. Each is whole and compressed, with what is known of it in front.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::{
    CommitError, Draft, Meta, Revision, Store,
    packed::{Broken, decode, encode, pack, unpack},
};

/// Revisions in a file of our own.
pub struct Embedded {
    database: Database,
    /// More are forgotten, the oldest first.
    most: u64,
    /// Asked for with every request of the admin API.
    latest: Mutex<Option<Arc<Revision>>>,
}

/// Why a file of revisions cannot be used.
#[derive(Debug)]
pub struct OpenError {
    pub path: PathBuf,
    pub why: String,
}

/// By number.
const METAS: TableDefinition<u64, &[u8]> = TableDefinition::new("metas");
const DOCUMENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("documents");

// === impl Embedded ===

impl Embedded {
    /// Opens the file at `path`, or makes it. `most` revisions are kept, at least one.
    ///
    /// # Errors
    /// It is no such file, is damaged, or is open elsewhere.
    pub fn open(path: &Path, most: u64) -> Result<Self, OpenError> {
        let failed = |why: String| OpenError { path: path.to_owned(), why };
        let database = Database::create(path).map_err(|error| failed(error.to_string()))?;
        let store = Self { database, most: most.max(1), latest: Mutex::default() };
        let latest = store.prepare().map_err(|error| failed(error.to_string()))?;
        *store.latest.lock().unwrap_or_else(PoisonError::into_inner) = latest;
        Ok(store)
    }

    fn prepare(&self) -> Result<Option<Arc<Revision>>, Broken> {
        let transaction = self.database.begin_write()?;
        let number = {
            let metas = transaction.open_table(METAS)?;
            transaction.open_table(DOCUMENTS)?;
            metas.last()?.map(|(number, _)| number.value())
        };
        transaction.commit()?;
        number.map_or(Ok(None), |number| self.read(number))
    }

    fn read(&self, number: u64) -> Result<Option<Arc<Revision>>, Broken> {
        let transaction = self.database.begin_read()?;
        let (metas, documents) = (transaction.open_table(METAS)?, transaction.open_table(DOCUMENTS)?);
        let (Some(meta), Some(document)) = (metas.get(number)?, documents.get(number)?) else { return Ok(None) };
        let document = unpack(document.value()).map_err(Broken)?;
        Ok(Some(Arc::new(Revision { meta: decode(meta.value())?, document: Arc::new(document) })))
    }

    fn metas(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, Broken> {
        let transaction = self.database.begin_read()?;
        let metas = transaction.open_table(METAS)?;
        let range = metas.range(..before.unwrap_or(u64::MAX))?;
        range.rev().take(most).map(|entry| decode(entry?.1.value())).collect()
    }

    /// Forgets all that is kept and keeps this one, under the number that it has: a copy of what is kept elsewhere.
    ///
    /// # Errors
    /// It cannot be kept: why. Then nothing has changed.
    pub fn replace(&self, revision: &Arc<Revision>) -> Result<(), String> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_alone(revision).map_err(|error| error.0)?;
        *latest = Some(revision.clone());
        Ok(())
    }

    fn write_alone(&self, revision: &Revision) -> Result<(), Broken> {
        let number = revision.meta.number;
        let document = pack(&revision.document).map_err(Broken)?;
        let transaction = self.database.begin_write()?;
        {
            let (mut metas, mut documents) = (transaction.open_table(METAS)?, transaction.open_table(DOCUMENTS)?);
            metas.retain(|_, _| false)?;
            documents.retain(|_, _| false)?;
            metas.insert(number, &*encode(&revision.meta)?)?;
            documents.insert(number, &*document)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn write(&self, revision: &Revision) -> Result<(), Broken> {
        let number = revision.meta.number;
        let document = pack(&revision.document).map_err(Broken)?;
        let transaction = self.database.begin_write()?;
        {
            let (mut metas, mut documents) = (transaction.open_table(METAS)?, transaction.open_table(DOCUMENTS)?);
            metas.insert(number, &*encode(&revision.meta)?)?;
            documents.insert(number, &*document)?;
            let oldest = (number + 1).saturating_sub(self.most);
            // Those that stay are not looked at.
            metas.retain_in(..oldest, |_, _| false)?;
            documents.retain_in(..oldest, |_, _| false)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Store for Embedded {
    fn latest(&self) -> Result<Option<Arc<Revision>>, String> {
        Ok(self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn get(&self, number: u64) -> Result<Option<Arc<Revision>>, String> {
        self.read(number).map_err(|error| error.0)
    }

    fn list(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String> {
        self.metas(before, most).map_err(|error| error.0)
    }

    fn commit(&self, seen: u64, draft: Draft) -> Result<Arc<Revision>, CommitError> {
        // Held until it is on the disk, so that numbers have no gaps and nobody is overtaken.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let number = latest.as_ref().map_or(0, |latest| latest.meta.number);
        if number != seen {
            return Err(CommitError::Stale(number));
        }
        let revision = Arc::new(draft.numbered(number + 1));
        self.write(&revision).map_err(|error| CommitError::Failed(error.0))?;
        *latest = Some(revision.clone());
        Ok(revision)
    }
}

// === impl Broken ===

macro_rules! broken {
    ($($error:ty)*) => {$(
        impl From<$error> for Broken {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )*};
}

broken!(redb::TransactionError redb::TableError redb::StorageError redb::CommitError);

// === impl OpenError ===

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, why } = self;
        write!(
            f,
            "{}: the revisions cannot be read: {why}; if another gateway has this state directory, name a different one with \
             --state; if the file is damaged, put a copy of it there, or take it away and begin with the files alone",
            path.display()
        )
    }
}

impl std::error::Error for OpenError {}

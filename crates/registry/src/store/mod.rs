//! What outlives a restart: one file, which holds every instance as it was last changed.
//!
//! Heartbeats are not written. They would be most of all writes, and what they say is of no use to the next start, where all
//! leases begin anew.

/// The thread that writes.
mod writer;

use std::{
    fmt, fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition};
use serde::{Deserialize, Serialize};

use crate::core::{Instance, Touched};

pub(crate) use writer::Writer;

/// The open file. Nobody else can open it meanwhile.
pub(crate) struct Store {
    path: PathBuf,
    /// `None` after a failure: what a write left behind is looked at by opening it again.
    database: Option<Database>,
}

/// What a file held.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) instances: Vec<(Instance, u64)>,
    /// As it was, and well beyond: changes that were seen and not written have had lower ones.
    pub(crate) index: u64,
}

/// Why the registry has no file.
#[derive(Debug)]
pub enum StoreError {
    /// The file is there, and is not what it should be.
    Corrupted {
        path: PathBuf,
        why: String,
    },
    /// Another gateway has it open.
    Taken(PathBuf),
    Io {
        path: PathBuf,
        why: String,
    },
}

/// An instance in the file, as JSON.
#[derive(Serialize, Deserialize)]
struct Record {
    instance: Instance,
    /// In milliseconds since 1970.
    registered_at: u64,
}

/// Of the file in the state directory.
pub(crate) const FILE: &str = "registry.redb";

/// By service and id, with a zero byte between them, which is in neither.
const INSTANCES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("instances");
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

const FORMAT: &str = "format";
const INDEX: &str = "index";

/// The only one there was until now.
const CURRENT_FORMAT: u64 = 1;

/// More changes than can be seen between two writes.
const LEAP: u64 = 1 << 16;

// === impl Store ===

impl Store {
    /// Opens the file in `folder`, or makes one; tells what it holds.
    ///
    /// # Errors
    /// It is there and cannot be read as a whole. Nothing is taken for empty that is not.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Read), StoreError> {
        let path = folder.join(FILE);
        let io = |error: io::Error| StoreError::Io { path: path.clone(), why: error.to_string() };
        fs::create_dir_all(folder).map_err(io)?;
        if !fs::exists(&path).map_err(io)? {
            create(folder, &path)?;
        }
        let database = guarded(&path, || open(&path))?;
        let read = guarded(&path, || read(&path, &database))?;
        Ok((Self { path, database: Some(database) }, read))
    }

    /// Writes what is different; `is_all`: and nothing else shall be there. On disk when it returns.
    pub(crate) fn write(&mut self, touched: &Touched, is_all: bool) -> Result<(), StoreError> {
        let path = self.path.clone();
        let database = match self.database.take() {
            Some(database) => database,
            None => guarded(&path, || open(&path))?,
        };
        guarded(&path, || write(&database, touched, is_all).map_err(|error| failed(&path, &error)))?;
        self.database = Some(database);
        Ok(())
    }
}

/// A new file, which is there whole or not at all.
fn create(folder: &Path, path: &Path) -> Result<(), StoreError> {
    let beside = folder.join(format!("{FILE}.{}.new", std::process::id()));
    let io = |error: io::Error| StoreError::Io { path: path.to_owned(), why: error.to_string() };
    // Left over from a start that was cut off, by a process that had this id.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let made = guarded(path, || {
        let database = Database::create(&beside).map_err(|error| refused(path, &error))?;
        write(&database, &Touched::default(), true).map_err(|error| failed(path, &error))
    });
    // Not `rename`: whoever was faster has the file open.
    let linked = made.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io(error)),
        _ => fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io),
    });
    _ = fs::remove_file(&beside);
    linked
}

fn open(path: &Path) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder.open(path).map_err(|error| refused(path, &error))
}

/// Everything is read once and kept in memory, so the file needs few pages there.
const CACHE: usize = 4 * 1024 * 1024;

fn read(path: &Path, database: &Database) -> Result<Read, StoreError> {
    let storage = |error: redb::Error| failed(path, &error);
    let corrupted = |why: String| StoreError::Corrupted { path: path.to_owned(), why };
    let transaction = database.begin_read().map_err(|error| storage(error.into()))?;
    let numbers = transaction.open_table(NUMBERS).map_err(|error| storage(error.into()))?;
    let number = |name| -> Result<u64, StoreError> {
        let value = numbers.get(name).map_err(|error| storage(error.into()))?;
        value.map(|value| value.value()).ok_or_else(|| corrupted(format!("it holds no `{name}`")))
    };
    let format = number(FORMAT)?;
    if format != CURRENT_FORMAT {
        return Err(corrupted(format!("it has the format {format}, and this version reads {CURRENT_FORMAT}")));
    }
    let index = number(INDEX)?.saturating_add(LEAP);
    let table = transaction.open_table(INSTANCES).map_err(|error| storage(error.into()))?;
    let mut instances = Vec::new();
    for entry in table.iter().map_err(|error| storage(error.into()))? {
        let (key, value) = entry.map_err(|error| storage(error.into()))?;
        let record: Record = serde_json::from_slice(value.value()).map_err(|error| {
            corrupted(format!("the entry `{}` is no instance: {error}", key.value().escape_ascii()))
        })?;
        instances.push((record.instance, record.registered_at));
    }
    Ok(Read { instances, index })
}

fn write(database: &Database, touched: &Touched, is_all: bool) -> Result<(), Box<redb::Error>> {
    let mut transaction = database.begin_write().map_err(boxed)?;
    // Then a file that was open when the process was killed is read as fast as one that was closed.
    transaction.set_quick_repair(true);
    {
        let mut instances = transaction.open_table(INSTANCES).map_err(boxed)?;
        if is_all {
            instances.retain(|_, _| false).map_err(boxed)?;
        }
        for (key, registered) in &touched.instances {
            let place = [key.service.as_bytes(), key.id.as_bytes()].join(&0);
            match registered {
                Some(registered) => {
                    let record =
                        Record { instance: registered.instance.clone(), registered_at: registered.registered_at };
                    let text = serde_json::to_vec(&record).map_err(|error| boxed(StorageError::Io(error.into())))?;
                    instances.insert(&*place, &*text).map_err(boxed)?;
                }
                None => _ = instances.remove(&*place).map_err(boxed)?,
            }
        }
        let mut numbers = transaction.open_table(NUMBERS).map_err(boxed)?;
        numbers.insert(FORMAT, CURRENT_FORMAT).map_err(boxed)?;
        numbers.insert(INDEX, touched.index).map_err(boxed)?;
    }
    transaction.commit().map_err(boxed)
}

fn boxed(error: impl Into<redb::Error>) -> Box<redb::Error> {
    Box::new(error.into())
}

/// Files that somebody else wrote over may break assumptions that are checked by panics.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(StoreError::Corrupted { path: path.to_owned(), why: "what it holds contradicts itself".to_owned() })
    })
}

fn refused(path: &Path, error: &DatabaseError) -> StoreError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => StoreError::Taken(path),
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() != io::ErrorKind::InvalidData => {
            StoreError::Io { path, why: error.to_string() }
        }
        error => StoreError::Corrupted { path, why: error.to_string() },
    }
}

fn failed(path: &Path, error: &redb::Error) -> StoreError {
    let (path, why) = (path.to_owned(), error.to_string());
    match error {
        redb::Error::Io(_) | redb::Error::PreviousIo => StoreError::Io { path, why },
        _ => StoreError::Corrupted { path, why },
    }
}

// === impl StoreError ===

impl StoreError {
    pub(crate) fn io(folder: &Path, error: &io::Error) -> Self {
        Self::Io { path: folder.join(FILE), why: error.to_string() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupted { path, why } => {
                let path = path.display();
                write!(
                    f,
                    "the file of the registry {path} cannot be read: {why}; put a copy of it back, or move it away \
                     (`mv {path} {path}.bad`): then the registry starts empty, and services that are alive register again"
                )
            }
            Self::Taken(path) => write!(
                f,
                "the file of the registry {} is open in another process; give this gateway a state directory of its own \
                 with --state",
                path.display()
            ),
            Self::Io { path, why } => write!(f, "the file of the registry {} cannot be used: {why}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}

//! The last good answers, and the orders of operators, across restarts.
//!
//! A file is there whole or not at all: it is written beside, synchronised and moved. Its first line holds the version of the
//! format and a checksum of the rest, so that what a broken disk made of it is not believed.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, SystemTime},
};

use model::{EndpointAddress, FromText, Service, values::EndpointTarget};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use snapshot::OverrideTold as Override;
use twox_hash::XxHash3_64;
use upstream::discovery::{Answer, Instance, Status};

use super::keeper::Overrides;

/// A folder in the state directory.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    writer: Mutex<Option<Writer>>,
}

/// Disks take their time, and nobody who serves waits for one.
#[derive(Debug)]
struct Writer {
    jobs: Sender<Job>,
    /// Ends with its thread.
    works: Receiver<Infallible>,
}

/// What becomes of a file: these bytes, or nothing.
type Job = (PathBuf, Option<Vec<u8>>);

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    checksum: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedAnswer {
    registry: String,
    service: String,
    /// Seconds since 1970.
    saved: u64,
    instances: Vec<SavedInstance>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedInstance {
    id: Arc<str>,
    address: String,
    weight: u32,
    tier: u32,
    labels: BTreeMap<Arc<str>, Arc<str>>,
    status: SavedStatus,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedStatus {
    Up,
    Draining,
    Down,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedOverrides {
    registry: String,
    service: String,
    endpoints: BTreeMap<String, Override>,
}

/// Of the format.
const VERSION: u32 = 1;

/// In the state directory.
const FOLDER: &str = "discovery";

/// The file with the orders of operators, for all services.
const OVERRIDES: &str = "overrides.json";

/// How long the end waits for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// The orders of operators by service: by its registry and its name there.
pub(crate) type AllOverrides = BTreeMap<(String, String), Overrides>;

// === impl Store ===

impl Store {
    /// Touches nothing yet.
    pub(crate) fn new(state: &Path) -> Self {
        Self { folder: state.join(FOLDER), writer: Mutex::default() }
    }

    /// The last good answer, and when it was saved. What cannot be read is said aloud, and as good as not there.
    pub(crate) fn load(&self, service: &Service) -> Option<(Answer, SystemTime)> {
        let saved: SavedAnswer = read_or_say_why(&self.file(service))?;
        let answer =
            Answer { instances: saved.instances.iter().filter_map(SavedInstance::read).collect(), flaws: vec![] };
        Some((answer, SystemTime::UNIX_EPOCH + Duration::from_secs(saved.saved)))
    }

    /// Saves an answer in a while.
    pub(crate) fn save(&self, service: &Service, answer: &Answer, now: SystemTime) {
        let saved = SavedAnswer {
            registry: service.registry().to_owned(),
            service: service.to_string(),
            saved: now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            instances: answer.instances.iter().map(SavedInstance::new).collect(),
        };
        match content(&saved) {
            Ok(content) => self.write(self.file(service), Some(content)),
            Err(error) => tracing::error!(%error, %service, "an answer cannot be kept"),
        }
    }

    /// The service is none that anybody wants any more.
    pub(crate) fn forget(&self, service: &Service) {
        self.write(self.file(service), None);
    }

    pub(crate) fn load_overrides(&self) -> AllOverrides {
        let saved: Vec<SavedOverrides> = read_or_say_why(&self.folder.join(OVERRIDES)).unwrap_or_default();
        let read = |saved: SavedOverrides| {
            let endpoints = saved.endpoints.into_iter();
            let endpoints = endpoints.filter_map(|(address, order)| Some((read_address(&address)?, order)));
            ((saved.registry, saved.service), endpoints.collect())
        };
        saved.into_iter().map(read).collect()
    }

    /// At once: who ordered it is told whether it is kept.
    ///
    /// # Errors
    /// The disk, or who may write there.
    pub(crate) fn save_overrides(&self, all: &AllOverrides) -> io::Result<()> {
        let saved = all.iter().map(|((registry, service), overrides)| SavedOverrides {
            registry: registry.clone(),
            service: service.clone(),
            endpoints: overrides.iter().map(|(address, order)| (address.to_string(), order.clone())).collect(),
        });
        let content = content(&saved.collect::<Vec<_>>())?;
        replace(&self.folder.join(OVERRIDES), &content)
    }

    /// Named so that people find it, with a hash of what is not fit for a name.
    fn file(&self, service: &Service) -> PathBuf {
        let name = service.to_string();
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let plain: String = name.chars().filter(is_plain).take(64).collect();
        let hash = XxHash3_64::oneshot(format!("{} {name}", service.registry()).as_bytes());
        self.folder.join(format!("{}-{plain}-{hash:016x}.json", service.registry()))
    }

    /// Waits until what was given to be saved is on the disk, unless that takes too long.
    pub(crate) fn finish(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Writer { jobs, works }) = writer {
            drop(jobs);
            if works.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                tracing::error!(waited = ?PATIENCE, "the disk is too slow: what registries told last is not kept for the next start");
            }
        }
    }

    fn write(&self, file: PathBuf, content: Option<Vec<u8>>) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            let ((jobs, received), (working, works)) = (channel(), channel());
            let work = move || {
                write_all(&received);
                drop(working);
            };
            match scheduling::background("state", work) {
                Ok(_) => *writer = Some(Writer { jobs, works }),
                Err(error) => return tracing::error!(%error, "what registries tell cannot be kept for the next start"),
            }
        }
        if let Some(writer) = &*writer {
            // The thread ends with the sender only.
            _ = writer.jobs.send((file, content));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Of several jobs for a file that wait, the last one is done.
fn write_all(jobs: &Receiver<Job>) {
    let mut is_failing = false;
    while let Ok(first) = jobs.recv() {
        let waiting: HashMap<_, _> = std::iter::once(first).chain(jobs.try_iter()).collect();
        for (file, content) in waiting {
            let written = match content {
                Some(content) => replace(&file, &content),
                None => remove(&file),
            };
            let was_failing = std::mem::replace(&mut is_failing, written.is_err());
            // One line, however many files there are.
            if let (false, Err(error)) = (was_failing, written) {
                let file = file.display();
                tracing::error!(%file, %error, "what registries tell cannot be kept for the next start");
            }
        }
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The file has its old content or this one, whatever happens meanwhile.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = file.with_extension("new");
    let mut new = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(content)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    // So that the new name outlives a loss of power as well.
    fs::File::open(folder)?.sync_all()
}

fn content<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_string_pretty(value)?;
    let head = serde_json::to_string(&Head { version: VERSION, checksum: checksum(&body) })?;
    Ok(format!("{head}\n{body}\n").into_bytes())
}

fn checksum(body: &str) -> String {
    format!("{:016x}", XxHash3_64::oneshot(body.as_bytes()))
}

fn read_or_say_why<T: DeserializeOwned>(file: &Path) -> Option<T> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "what an earlier process kept cannot be read");
            return None;
        }
    };
    read(&text)
        .map_err(|why| tracing::warn!(file = %file.display(), why, "what an earlier process kept is not believed"))
        .ok()
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let (head, body) = text.split_once('\n').ok_or("it has no head")?;
    let head: Head = serde_json::from_str(head).map_err(|error| format!("its head is none: {error}"))?;
    if head.version != VERSION {
        return Err(format!("its version is {}, and this program knows {VERSION}", head.version));
    }
    let body = body.trim_end();
    if head.checksum != checksum(body) {
        return Err("its checksum does not fit: it was changed, or is broken".to_owned());
    }
    serde_json::from_str(body).map_err(|error| error.to_string())
}

fn read_address(text: &str) -> Option<EndpointAddress> {
    EndpointTarget::from_text(text).ok().map(|EndpointTarget(address)| address)
}

// === impl SavedInstance ===

impl SavedInstance {
    fn new(instance: &Instance) -> Self {
        Self {
            id: instance.id.clone(),
            address: instance.address.to_string(),
            weight: instance.weight,
            tier: instance.tier,
            labels: instance.labels.iter().cloned().collect(),
            status: match instance.status {
                Status::Up => SavedStatus::Up,
                Status::Draining => SavedStatus::Draining,
                Status::Down => SavedStatus::Down,
            },
        }
    }

    fn read(&self) -> Option<Instance> {
        Some(Instance {
            id: self.id.clone(),
            address: read_address(&self.address)?,
            weight: self.weight,
            tier: self.tier,
            // Sorted, because a `BTreeMap` is.
            labels: self.labels.clone().into_iter().collect(),
            status: match self.status {
                SavedStatus::Up => Status::Up,
                SavedStatus::Draining => Status::Draining,
                SavedStatus::Down => Status::Down,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Service {
        Service::Registry(name.into())
    }

    fn answer() -> Answer {
        let instance = |address: &str, status| Instance {
            id: address.into(),
            address: read_address(address).unwrap(),
            weight: 3,
            tier: 1,
            labels: vec![("version".into(), "v2".into()), ("zone".into(), "a".into())],
            status,
        };
        let instances = vec![
            instance("10.0.0.1:80", Status::Up),
            instance("users.internal:80", Status::Draining),
            // tidy-allow fixed-port: data, never bound
            instance("[::1]:80", Status::Down),
        ];
        Answer { instances, flaws: Vec::new() }
    }

    #[test]
    fn what_is_saved_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let store = Store::new(folder.path());
        store.save(&service("a/b"), &Answer::default(), at);
        store.save(&service("a/b"), &answer(), at);
        store.save(&service("gone"), &answer(), at);
        store.forget(&service("gone"));
        drop(store);
        let store = Store::new(folder.path());
        assert_eq!(store.load(&service("a/b")), Some((answer(), at)));
        assert_eq!(store.load(&service("ab")), None, "a hash tells names that look alike");
        assert_eq!(store.load(&service("gone")), None);
    }

    #[test]
    fn orders_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert!(store.load_overrides().is_empty());
        let order = Override { weight: Some(0), drain: true, labels: [("a".into(), "b".into())].into() };
        let overrides = [(read_address("10.0.0.1:80").unwrap(), order)].into();
        let all: AllOverrides = [(("consul".to_owned(), "orders".to_owned()), overrides)].into();
        store.save_overrides(&all).unwrap();
        assert_eq!(store.load_overrides(), all);
    }

    #[test]
    fn what_is_broken_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let file = store.file(&service("a"));
        store.save(&service("a"), &answer(), SystemTime::now());
        drop(store);
        let good = fs::read_to_string(&file).unwrap();
        let store = Store::new(folder.path());
        for bad in [
            String::new(),
            good[..good.len() / 2].to_owned(),
            good.replace("10.0.0.1", "10.0.0.2"),
            good.replace(r#""version":1"#, r#""version":2"#),
            good.lines().skip(1).collect(),
        ] {
            fs::write(&file, &bad).unwrap();
            assert_eq!(store.load(&service("a")), None, "{bad}");
        }
        fs::write(&file, good).unwrap();
        assert!(store.load(&service("a")).is_some());
    }
}

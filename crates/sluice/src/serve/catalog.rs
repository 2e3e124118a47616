//! What the catalog of a registry says, as documents beside the operator's, in step with what the document says of it.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use model::{Further, Registries};
use tokio::{sync::watch, task::JoinSet};

/// The catalog, if the document asks for it.
pub(super) struct Catalog {
    /// Where it is kept for the next start: a gateway whose registry is away serves what it served.
    file: PathBuf,
    followed: Option<Followed>,
    told: watch::Sender<Vec<Further>>,
    hears: watch::Receiver<Vec<Further>>,
}

/// A catalog that is followed, for as long as this lives.
struct Followed {
    consul: model::Consul,
    hold: Duration,
    _task: JoinSet<()>,
}

/// Of the file in the state directory.
const FILE: &str = "consul-catalog.json";

// === impl Catalog ===

impl Catalog {
    /// Reads what was told before; follows nothing yet.
    pub(super) fn new(state: &Path) -> Self {
        let file = state.join(FILE);
        let known = read(&file).unwrap_or_else(|error| {
            tracing::warn!(file = %file.display(), %error, "what the catalog said before this start is lost");
            Vec::new()
        });
        let (told, hears) = watch::channel(known);
        Self { file, followed: None, told, hears }
    }

    /// What was told the last time.
    pub(super) fn known(&self) -> Vec<Further> {
        self.told.borrow().clone()
    }

    /// Follows the catalog that the document asks for. Needs a runtime.
    pub(super) fn follow(&mut self, registries: &Registries) {
        let Registries { consul, hold, .. } = registries;
        if !consul.catalog {
            self.followed = None;
        } else if self.followed.as_ref().is_none_or(|followed| (&followed.consul, &followed.hold) != (consul, hold)) {
            let told = self.told.clone();
            let mut task = JoinSet::new();
            task.spawn(discovery::catalog(registries.clone(), self.known(), move |documents| {
                told.send_replace(documents);
            }));
            self.followed = Some(Followed { consul: consul.clone(), hold: *hold, _task: task });
        }
    }

    /// The next that is told. It is kept for the next start.
    pub(super) async fn changed(&mut self) -> Vec<Further> {
        // The sender is this one's own.
        _ = self.hears.changed().await;
        self.keep()
    }

    /// Follows it no further. What was told meanwhile is kept for the next start.
    pub(super) fn end(mut self) {
        self.followed = None;
        if self.hears.has_changed().unwrap_or_default() {
            self.keep();
        }
    }

    fn keep(&mut self) -> Vec<Further> {
        let documents = self.hears.borrow_and_update().clone();
        if let Err(error) = write(&self.file, &documents) {
            tracing::warn!(file = %self.file.display(), %error, "what the catalog says is not kept for the next start");
        }
        documents
    }
}

/// Nothing, if there is no such file.
fn read(file: &Path) -> io::Result<Vec<Further>> {
    match fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whole or not at all.
fn write(file: &Path, documents: &[Further]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    let written = fs::write(&beside, serde_json::to_vec(documents)?).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        _ = fs::remove_file(&beside);
    }
    written
}

//! Tells when files change.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::Files;

/// Tells when files change. Watches folders rather than files, because editors and Kubernetes replace files.
pub struct Watch {
    watcher: RecommendedWatcher,
    /// That something happened in a folder; what it was is looked up.
    events: UnboundedReceiver<()>,
    sender: UnboundedSender<()>,
    folders: BTreeSet<PathBuf>,
    files: Files,
}

/// After a change, others may follow at once: a certificate and its key, a file written in pieces.
const SETTLE: Duration = Duration::from_millis(20);

// === impl Watch ===

impl Watch {
    /// # Errors
    /// The operating system gives no watch (`fs.inotify.max_user_instances`).
    pub fn new() -> io::Result<Self> {
        let (sender, events) = unbounded_channel();
        let notified = sender.clone();
        let watcher = notify::recommended_watcher(move |_event| {
            // Nobody listens any more when the program ends.
            _ = notified.send(());
        })
        .map_err(io::Error::other)?;
        Ok(Self { watcher, events, sender, folders: BTreeSet::new(), files: Files::default() })
    }

    /// From now on, these files matter. A folder that cannot be watched is said aloud; its files are then not reloaded.
    pub fn follow(&mut self, files: Files) {
        let folders: BTreeSet<_> = files.paths().map(|file| folder_of(file).to_owned()).collect();
        for folder in self.folders.difference(&folders) {
            // It may be gone.
            _ = self.watcher.unwatch(folder);
        }
        for folder in folders.difference(&self.folders) {
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), %error, "cannot watch the folder; reload with SIGHUP");
            }
        }
        self.folders = folders;
        self.files = files;
        // A folder that was not watched until now told nobody what happened in it since the files were read.
        _ = self.sender.send(());
    }

    /// Waits until one of the files has changed since it was read.
    pub async fn changed(&mut self) {
        while self.events.recv().await.is_some() {
            tokio::time::sleep(SETTLE).await;
            while self.events.try_recv().is_ok() {}
            if self.files.have_changed() {
                return;
            }
        }
        // The watcher is gone, which only happens with this.
        std::future::pending::<()>().await;
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// In a folder that is watched already, or only since.
    #[tokio::test]
    async fn what_changes_while_it_is_read_is_told() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "before").unwrap();
        let mut watch = Watch::new().unwrap();
        for content in ["meanwhile", "once more"] {
            let mut files = Files::default();
            files.note(path.clone());
            fs::write(&path, content.repeat(2)).unwrap();
            watch.follow(files);
            tokio::time::timeout(PATIENCE, watch.changed()).await.unwrap();
            let mut files = Files::default();
            files.note(path.clone());
            watch.follow(files);
        }
    }
}

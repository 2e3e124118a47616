//! Which files matter, and whether they changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::source;

/// Tells when files change. Watches folders rather than files, because editors and Kubernetes replace files.
pub struct Watch {
    watcher: RecommendedWatcher,
    events: UnboundedReceiver<()>,
    folders: BTreeSet<PathBuf>,
    seen: BTreeMap<PathBuf, Option<Look>>,
}

/// What a file looked like. Enough to tell that it is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    File {
        length: u64,
        modified: Option<SystemTime>,
        inode: u64,
    },
    /// What a pattern meant; how those files look is theirs to tell.
    Pattern(Vec<PathBuf>),
}

/// After a change, others may follow at once: a certificate and its key, a file written in pieces.
const SETTLE: Duration = Duration::from_millis(40);

// === impl Watch ===

impl Watch {
    /// # Errors
    /// The operating system gives no watch (`fs.inotify.max_user_instances`).
    pub fn new() -> io::Result<Self> {
        let (sender, events) = unbounded_channel();
        let watcher = notify::recommended_watcher(move |_event| {
            // Nobody listens any more when the program ends.
            _ = sender.send(());
        })
        .map_err(io::Error::other)?;
        Ok(Self { watcher, events, folders: BTreeSet::new(), seen: BTreeMap::new() })
    }

    /// From now on, these files matter, and what patterns among them mean. A folder that cannot be watched is said aloud; its files are then not reloaded.
    pub fn follow(&mut self, files: &[PathBuf]) {
        let folders: BTreeSet<_> = files.iter().map(|file| folder_of(file).to_owned()).collect();
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
        // What is known keeps the look that it had when it was last said to have changed: it may have changed since,
        // while it was being read.
        let seen = |file: &PathBuf| self.seen.get(file).cloned().unwrap_or_else(|| look(file));
        self.seen = files.iter().map(|file| (file.clone(), seen(file))).collect();
    }

    /// Waits until one of the files has changed.
    pub async fn changed(&mut self) {
        while self.events.recv().await.is_some() {
            tokio::time::sleep(SETTLE).await;
            while self.events.try_recv().is_ok() {}
            let now = self.seen.keys().map(|file| (file.clone(), look(file))).collect();
            if self.seen != now {
                self.seen = now;
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

/// `None` if it is not there.
fn look(file: &Path) -> Option<Look> {
    use std::os::unix::fs::MetadataExt;
    if source::is_pattern(file) {
        return source::matching(file).ok().map(Look::Pattern);
    }
    let metadata = fs::metadata(file).ok()?;
    Some(Look::File { length: metadata.len(), modified: metadata.modified().ok(), inode: metadata.ino() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changes_while_it_is_read_is_told() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let folder = tempfile::tempdir().unwrap();
        let files = [folder.path().join("a.yaml")];
        fs::write(&files[0], "before").unwrap();
        let mut watch = Watch::new().unwrap();
        watch.follow(&files);
        fs::write(&files[0], "meanwhile").unwrap();
        watch.follow(&files);
        tokio::time::timeout(PATIENCE, watch.changed()).await.unwrap();
    }

    #[test]
    fn a_pattern_looks_different_when_it_means_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join("*.yaml");
        let before = look(&pattern);
        fs::write(folder.path().join("a.txt"), "").unwrap();
        assert_eq!(look(&pattern), before);
        fs::write(folder.path().join("a.yaml"), "").unwrap();
        assert_ne!(look(&pattern), before);
    }
}

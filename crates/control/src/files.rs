//! Files that have a say, and how they looked before they were read.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::source;

/// Documents and certificates, and the patterns that mean documents: tomorrow they may mean others.
///
/// Each with its look from right before it was read, so that what changes while it is being read counts as changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<PathBuf, Option<Look>>);

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

// === impl Files ===

impl Files {
    /// Looks at a file that is about to be read.
    pub fn note(&mut self, file: PathBuf) {
        let look = look(&file);
        self.0.insert(file, look);
    }

    /// Takes in files that were looked at later.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Whether one of them looks different now; the next time, this look counts.
    pub fn have_changed(&mut self) -> bool {
        self.0.iter_mut().fold(false, |changed, (file, before)| {
            let now = look(file);
            let differs = now != *before;
            *before = now;
            changed | differs
        })
    }
}

/// `None` if it is not there.
fn look(file: &Path) -> Option<Look> {
    if source::is_pattern(file) {
        return source::matching(file).ok().map(Look::Pattern);
    }
    let metadata = fs::metadata(file).ok()?;
    Some(Look::File { length: metadata.len(), modified: metadata.modified().ok(), inode: metadata.ino() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_change_with_what_they_mean() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::default();
        files.note(folder.path().join("*.yaml"));
        fs::write(folder.path().join("a.txt"), "").unwrap();
        assert!(!files.have_changed());
        fs::write(folder.path().join("a.yaml"), "").unwrap();
        assert!(files.have_changed());
    }

    #[test]
    fn what_was_not_there_may_come() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::default();
        files.note(folder.path().join("a.yaml"));
        assert!(!files.have_changed());
        fs::write(folder.path().join("a.yaml"), "").unwrap();
        assert!(files.have_changed());
    }
}

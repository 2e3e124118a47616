use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use admin::AuditEntry;

/// The file that is written to, and those before it.
pub(super) struct AuditFile {
    folder: Arc<Path>,
    /// A file that is larger is moved away.
    largest: u64,
    /// `None` before the first entry, and after a failure.
    open: Option<Open>,
}

struct Open {
    file: File,
    /// Of all whole lines.
    size: u64,
    next_id: u64,
}

const FILE: &str = "audit.log";

/// With the one that is written to.
const FILES: u32 = 5;

const LARGEST: u64 = 10 << 20;

// === impl AuditFile ===

impl AuditFile {
    pub(super) fn new(folder: Arc<Path>) -> Self {
        Self { folder, largest: LARGEST, open: None }
    }

    /// Gives the entry its number, and writes it: whole, or not at all.
    pub(super) fn write(&mut self, entry: &mut AuditEntry) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::of(&self.folder)?,
        };
        entry.id = open.next_id;
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if open.size > 0 && open.size + line.len() as u64 > self.largest {
            move_away(&self.folder)?;
            open = Open { next_id: open.next_id, ..Open::of(&self.folder)? };
        }
        if let Err(error) = open.file.write_all(&line) {
            // What is there of it would be taken for a line; the next start looks at the end again if that fails too.
            open.file.set_len(open.size)?;
            self.open = Some(open);
            return Err(error);
        }
        open.size += line.len() as u64;
        open.next_id += 1;
        self.open = Some(open);
        Ok(())
    }

    /// What was written outlives a crash of the machine.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |open| open.file.sync_data())
    }
}

// === impl Open ===

impl Open {
    fn of(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let newest = read(folder, None, 1)?;
        let next_id = newest.first().map_or(1, |entry| entry.id + 1);
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(numbered(folder, 0))?;
        let mut size = file.metadata()?.len();
        if size > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // A crash cut a line off, which shall not take the next one with it.
                file.write_all(b"\n")?;
                size += 1;
            }
        }
        Ok(Self { file, size, next_id })
    }
}

/// Entries, the newest first: at most so many, older than the one with the number `before`.
pub(super) fn read(folder: &Path, before: Option<u64>, most: usize) -> io::Result<Vec<AuditEntry>> {
    let mut entries: Vec<AuditEntry> = Vec::new();
    for number in 0..FILES {
        let text = match fs::read(numbered(folder, number)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for line in text.rsplit(|byte| *byte == b'\n') {
            // A line that was cut off tells nothing.
            let Ok(entry) = serde_json::from_slice::<AuditEntry>(line) else { continue };
            // A file that is moved away meanwhile is read twice.
            let bound = entries.last().map(|entry| entry.id).or(before);
            if bound.is_none_or(|bound| entry.id < bound) {
                entries.push(entry);
            }
            if entries.len() == most {
                return Ok(entries);
            }
        }
    }
    Ok(entries)
}

/// Each becomes the one before it. The oldest is gone.
fn move_away(folder: &Path) -> io::Result<()> {
    for number in (0..FILES - 1).rev() {
        match fs::rename(numbered(folder, number), numbered(folder, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// 0 is the one that is written to.
fn numbered(folder: &Path, number: u32) -> PathBuf {
    match number {
        0 => folder.join(FILE),
        number => folder.join(format!("{FILE}.{number}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn ids(folder: &Path, before: Option<u64>, most: usize) -> Vec<u64> {
        read(folder, before, most).unwrap().into_iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn old_entries_go_when_there_are_many() {
        let folder = tempfile::tempdir().unwrap();
        let mut entry = AuditEntry { path: "/a".to_owned(), ..AuditEntry::default() };
        let length = serde_json::to_vec(&entry).unwrap().len() as u64;
        let mut file = AuditFile { largest: 2 * (length + 3), ..AuditFile::new(folder.path().into()) };
        for _ in 0..20 {
            file.write(&mut entry).unwrap();
        }
        file.flush().unwrap();
        let there = ids(folder.path(), None, 100);
        assert_eq!((there.first(), there.len()), (Some(&20), 10), "two in each of five files");
        assert!(there.is_sorted_by(|newer, older| *newer == older + 1));
        assert_eq!(ids(folder.path(), Some(18), 3), [17, 16, 15]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), FILES as usize);
        for number in 0..FILES {
            let mode = fs::metadata(numbered(folder.path(), number)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_line_that_was_cut_off_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut entry = AuditEntry::default();
        AuditFile::new(folder.path().into()).write(&mut entry).unwrap();
        let mut torn = OpenOptions::new().append(true).open(numbered(folder.path(), 0)).unwrap();
        torn.write_all(b"{\"id\":7").unwrap();
        AuditFile::new(folder.path().into()).write(&mut entry).unwrap();
        assert_eq!(ids(folder.path(), None, 100), [2, 1]);
    }
}

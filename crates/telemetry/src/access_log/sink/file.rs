//! A file, or standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use model::Rotate;

use super::{Shared, Sink};

/// Writes lines whole: what a failure cut off does not take the next line with it.
pub(in crate::access_log) struct FileSink<W = Output> {
    output: W,
    /// It ends in the midst of a line.
    torn: bool,
}

/// What is written to.
pub(in crate::access_log) trait Out: Write + Send {
    /// To be called before so many bytes are written.
    fn make_room(&mut self, _bytes: usize, _now: SystemTime) -> io::Result<()> {
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(in crate::access_log) enum Output {
    Stdout(File),
    File(LogFile),
}

/// Appended to; made if missing, readable by owner and group.
pub(in crate::access_log) struct LogFile {
    path: PathBuf,
    file: File,
    rotate: Option<Rotate>,
    /// How large it is.
    size: u64,
    begun: SystemTime,
    /// The file was moved away, and no other could be made yet.
    moved: bool,
}

// === impl FileSink ===

impl FileSink {
    pub(super) fn stdout() -> io::Result<Self> {
        // A descriptor of our own: the standard library's stdout has a buffer and a lock that others use as well.
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self::of(Output::Stdout(file)))
    }

    pub(super) fn open(path: &Path, rotate: Option<Rotate>) -> io::Result<Self> {
        LogFile::open(path, rotate).map(|file| Self::of(Output::File(file)))
    }
}

impl<W: Out> FileSink<W> {
    pub(in crate::access_log) fn of(output: W) -> Self {
        Self { output, torn: false }
    }

    /// Fails with the number of bytes that were written before.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.torn {
            // What was cut off is lost, but shall not take the next line with it.
            write_some(&mut self.output, b"\n").map_err(|error| (0, error))?;
            self.torn = false;
        }
        let mut written = 0;
        while written < bytes.len() {
            match write_some(&mut self.output, &bytes[written..]) {
                Ok(more) => written += more,
                Err(error) => {
                    self.torn = written > 0 && bytes[written - 1] != b'\n';
                    return Err((written, error));
                }
            }
        }
        Ok(())
    }
}

impl<W: Out> Sink for FileSink<W> {
    fn write(&mut self, bytes: &[u8], lines: u64, shared: &Shared) {
        if !self.torn
            && let Err(error) = self.output.make_room(bytes.len(), SystemTime::now())
        {
            tracing::warn!(log = &*shared.name, %error, "cannot move the access log away, going on with the old file");
        }
        match self.write_all(bytes) {
            Ok(()) => shared.written(lines),
            Err((written, error)) => {
                let whole = bytes[..written].iter().filter(|byte| **byte == b'\n').count() as u64;
                shared.written(whole);
                shared.dropped(lines.saturating_sub(whole));
                shared.failed(&error);
            }
        }
    }

    fn reopen(&mut self, shared: &Shared) {
        match self.output.reopen() {
            Ok(()) => self.torn = false,
            Err(error) => {
                tracing::warn!(log = &*shared.name, %error, "cannot reopen the access log, going on with the old file");
            }
        }
    }
}

/// One write that goes on after interruptions, and waits where somebody made the descriptor non-blocking: stdout is
/// shared with whoever started the process.
fn write_some(output: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match output.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(10)),
            result => return result,
        }
    }
}

// === impl LogFile ===

impl LogFile {
    fn open(path: &Path, rotate: Option<Rotate>) -> io::Result<Self> {
        let file = open_file(path)?;
        let metadata = file.metadata()?;
        // Where nobody knows when a file was made, the time of the last line is the next best.
        let begun = match metadata.len() {
            0 => SystemTime::now(),
            _ => metadata.created().or_else(|_| metadata.modified())?,
        };
        Ok(Self { path: path.to_owned(), file, rotate, size: metadata.len(), begun, moved: false })
    }

    fn is_full(&self, rotate: Rotate, bytes: usize, now: SystemTime) -> bool {
        let too_large = rotate.size.is_some_and(|size| self.size + bytes as u64 > size);
        let too_old = rotate.age.is_some_and(|age| now.duration_since(self.begun).is_ok_and(|since| since >= age));
        self.size > 0 && (too_large || too_old)
    }

    /// `PATH.2` becomes `PATH.3`, and so on, then `PATH` becomes `PATH.1`. A line that was written is in one of them.
    fn move_away(&self, keep: u32) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}"));
            PathBuf::from(path)
        };
        for number in (1..keep).rev() {
            match std::fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, numbered(1))
    }

    fn begin(&mut self) -> io::Result<()> {
        *self = Self { moved: false, ..Self::open(&self.path, self.rotate)? };
        Ok(())
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    // Addresses of clients are nobody else's business.
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

impl Out for LogFile {
    fn make_room(&mut self, bytes: usize, now: SystemTime) -> io::Result<()> {
        if self.moved {
            return self.begin();
        }
        let Some(rotate) = self.rotate.filter(|rotate| self.is_full(*rotate, bytes, now)) else { return Ok(()) };
        if let Err(error) = self.move_away(rotate.keep) {
            // Not again with every batch.
            (self.size, self.begun) = (0, now);
            return Err(error);
        }
        // Until there is another, lines go on into the one that was moved away.
        self.moved = true;
        self.begin()
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.begin()
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

// === impl Output ===

impl Out for Output {
    fn make_room(&mut self, bytes: usize, now: SystemTime) -> io::Result<()> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(file) => file.make_room(bytes, now),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(file) => file.reopen(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(file) => file.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(file) => file.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn numbers(path: &Path) -> Vec<u32> {
        fs::read_to_string(path).unwrap_or_default().lines().map(|line| line.parse().unwrap()).collect()
    }

    #[test]
    fn moving_away_loses_and_doubles_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let shared = Shared::new("file".into(), std::sync::Arc::default());
        let rotate = Rotate { size: Some(100), age: None, keep: 1000 };
        let mut sink = FileSink::open(&path, Some(rotate)).unwrap();
        for number in 0..1_000 {
            sink.write(format!("{number}\n").as_bytes(), 1, &shared);
        }
        let mut found = numbers(&path);
        let mut count = 0;
        for number in 1.. {
            let moved = folder.path().join(format!("access.log.{number}"));
            if !moved.exists() {
                break;
            }
            assert!(fs::metadata(&moved).unwrap().len() <= 100);
            found = [numbers(&moved), found].concat();
            count = number;
        }
        assert!(count > 30, "{count}");
        assert_eq!(found, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn only_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let mut file = LogFile::open(&path, Some(Rotate { size: Some(1), age: None, keep: 2 })).unwrap();
        for number in 0..5 {
            file.make_room(2, SystemTime::now()).unwrap();
            writeln!(file, "{number}").unwrap();
        }
        let names = ["access.log", "access.log.1", "access.log.2"];
        assert_eq!(names.map(|name| numbers(&folder.path().join(name))), [[4], [3], [2]]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_file_grows_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let age = Duration::from_secs(3_600);
        let mut file = LogFile::open(&path, Some(Rotate { size: None, age: Some(age), keep: 7 })).unwrap();
        let begun = file.begun;
        for (after, expected) in [(0, false), (3_599, false), (3_600, false)] {
            file.make_room(1, begun + Duration::from_secs(after)).unwrap();
            assert_eq!(folder.path().join("access.log.1").exists(), expected, "an empty file is left alone");
        }
        writeln!(file, "1").unwrap();
        file.make_room(1, begun + Duration::from_secs(3_599)).unwrap();
        assert!(!folder.path().join("access.log.1").exists());
        file.make_room(1, begun + Duration::from_secs(3_600)).unwrap();
        assert_eq!(numbers(&folder.path().join("access.log.1")), [1]);
    }

    #[test]
    fn a_file_that_cannot_be_moved_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        // What it would become is a folder with something in it.
        fs::create_dir_all(folder.path().join("access.log.1/x")).unwrap();
        let shared = Shared::new("file".into(), std::sync::Arc::default());
        let mut sink = FileSink::open(&path, Some(Rotate { size: Some(4), age: None, keep: 1 })).unwrap();
        for number in 0..9 {
            sink.write(format!("{number}\n").as_bytes(), 1, &shared);
        }
        assert_eq!(numbers(&path), (0..9).collect::<Vec<_>>());
    }
}

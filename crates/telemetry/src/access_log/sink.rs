//! What the writer thread writes to.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::Target;

/// Takes bytes; may block.
pub(super) trait Sink: Write + Send {
    /// Begins anew where somebody may have moved the old file away.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Stdout(File);

struct LogFile {
    path: PathBuf,
    file: File,
}

pub(super) fn open(target: Target) -> io::Result<Box<dyn Sink>> {
    Ok(match target {
        // A descriptor of our own: the standard library's stdout has a buffer and a lock that others use as well.
        Target::Stdout => Box::new(Stdout(File::from(io::stdout().as_fd().try_clone_to_owned()?))),
        Target::File(path) => Box::new(LogFile { file: open_file(&path)?, path }),
    })
}

fn open_file(path: &Path) -> io::Result<File> {
    // Addresses of clients are nobody else's business.
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

// === impl Sink ===

impl Sink for Stdout {}

impl Sink for LogFile {
    fn reopen(&mut self) -> io::Result<()> {
        self.file = open_file(&self.path)?;
        Ok(())
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

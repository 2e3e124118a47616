//! The audit log: who changed what, and who tried in vain, as lines of JSON in the state directory.
//!
//! ```text
//! admin address ──AuditEntry──▶ queue ─▶ thread ─▶ audit.log ─▶ audit.log.1 ─▶ … ─▶ gone
//!                                 │        │
//!                              is full   fails ──▶ counted, and said in the log of the program
//! ```
//! A change is not held up by it: what could not be noted is known by its revision still, and a gateway whose disk is full
//! must not refuse the change that mends it.

/// The files.
mod file;

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use admin::{AuditEntry, Denied};
use file::AuditFile;
use telemetry::{Expose, Exposition, names};

/// Keeps what operators did until it is dropped, which waits for the last of it.
pub(super) struct AuditLog {
    folder: Arc<Path>,
    counters: Arc<Counters>,
    /// `None` at the end.
    queue: Option<SyncSender<Message>>,
    writer: Option<JoinHandle<()>>,
}

/// What is counted of those who ask the admin address.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// In the order of [`Denied::ALL`].
    denied: [AtomicU64; Denied::ALL.len()],
    lost: AtomicU64,
}

enum Message {
    Entry(Box<AuditEntry>),
    /// Everything before it is in the file.
    Reached(SyncSender<()>),
}

/// So many may wait for the disk.
const QUEUE: usize = 1024;

/// For the disk, when somebody reads.
const PATIENCE: Duration = Duration::from_secs(5);

// === impl AuditLog ===

impl AuditLog {
    pub(super) fn start(folder: &Path, counters: Arc<Counters>) -> io::Result<Self> {
        let folder: Arc<Path> = folder.into();
        let (queue, messages) = sync_channel(QUEUE);
        let (file, counted) = (AuditFile::new(folder.clone()), counters.clone());
        let writer = scheduling::background("audit", move || write(file, &messages, &counted))?;
        Ok(Self { folder, counters, queue: Some(queue), writer: Some(writer) })
    }

    pub(super) fn keep(&self, entry: AuditEntry) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(Message::Entry(entry)) | TrySendError::Disconnected(Message::Entry(entry))) =
            queue.try_send(Message::Entry(Box::new(entry)))
        {
            self.counters.lost(&entry, &"the disk is too slow");
        }
    }

    pub(super) fn read(&self, before: Option<u64>, most: usize) -> Result<Vec<AuditEntry>, String> {
        let (reached, wait) = sync_channel(1);
        if let Some(queue) = &self.queue
            && queue.try_send(Message::Reached(reached)).is_ok()
        {
            // Whoever has just changed something reads that they did. If the disk is slow, they read what is there.
            _ = wait.recv_timeout(PATIENCE);
        }
        file::read(&self.folder, before, most).map_err(|error| format!("the audit log cannot be read: {error}"))
    }

    pub(super) fn denied(&self, why: Denied) {
        // Every reason is in the list.
        if let Some(index) = Denied::ALL.iter().position(|denied| *denied == why) {
            self.counters.denied[index].fetch_add(1, Relaxed);
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.queue = None;
        // That it panicked has been said.
        _ = self.writer.take().map(JoinHandle::join);
    }
}

fn write(mut file: AuditFile, messages: &Receiver<Message>, counters: &Counters) {
    while let Ok(first) = messages.recv() {
        let mut reached = Vec::new();
        for message in std::iter::once(first).chain(messages.try_iter()) {
            match message {
                Message::Reached(waiting) => reached.push(waiting),
                Message::Entry(mut entry) => {
                    if let Err(error) = file.write(&mut entry) {
                        counters.lost(&entry, &error);
                    }
                }
            }
        }
        if let Err(error) = file.flush() {
            tracing::error!(%error, "the audit log may not outlive a crash of this machine");
        }
        for waiting in reached {
            // They may have left.
            _ = waiting.try_send(());
        }
    }
}

// === impl Counters ===

impl Counters {
    fn lost(&self, entry: &AuditEntry, why: &dyn std::fmt::Display) {
        self.lost.fetch_add(1, Relaxed);
        let entry = serde_json::to_string(entry).unwrap_or_default();
        tracing::error!(entry, error = %why, "this cannot be kept in the audit log");
    }
}

impl Expose for Counters {
    fn expose(&self, out: &mut Exposition) {
        let mut samples = out.family(&names::ADMIN_DENIED);
        for (denied, counter) in Denied::ALL.iter().zip(&self.denied) {
            samples.count(&[denied.name()], counter.load(Relaxed));
        }
        out.family(&names::AUDIT_LOST).count(&[], self.lost.load(Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> AuditEntry {
        AuditEntry { path: path.to_owned(), ..AuditEntry::default() }
    }

    #[test]
    fn whoever_reads_sees_what_was_kept_before() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::start(folder.path(), Arc::default()).unwrap();
        for path in ["/a", "/b", "/c"] {
            log.keep(entry(path));
        }
        let read = |before, most| {
            let entries = log.read(before, most).unwrap();
            entries.into_iter().map(|entry| (entry.id, entry.path)).collect::<Vec<_>>()
        };
        assert_eq!(read(None, 2), [(3, "/c".to_owned()), (2, "/b".to_owned())]);
        assert_eq!(read(Some(2), 2), [(1, "/a".to_owned())]);
        drop(log);
        // Numbers go on after a restart.
        let log = AuditLog::start(folder.path(), Arc::default()).unwrap();
        log.keep(entry("/d"));
        assert_eq!(log.read(None, 1).unwrap()[0].id, 4);
    }

    #[test]
    fn what_cannot_be_kept_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let counters = Arc::new(Counters::default());
        let log = AuditLog::start(&folder.path().join("file/state"), counters.clone()).unwrap();
        log.keep(entry("/a"));
        log.denied(Denied::Role);
        drop(log);
        assert_eq!(counters.lost.load(Relaxed), 1);
        assert_eq!(counters.denied.iter().map(|counter| counter.load(Relaxed)).sum::<u64>(), 1);
    }
}

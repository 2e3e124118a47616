use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How much was told, and how much was lost: spans, or records. Outlives exporters, so that a reload resets nothing.
#[derive(Debug, Default)]
pub struct Counts {
    exported: AtomicU64,
    dropped: [AtomicU64; Reason::ALL.len()],
}

/// Why something was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The collector did not keep up.
    QueueFull,
    /// The collector could not be reached, or had no room, however often it was tried.
    Unreachable,
    /// The collector did not want it at all.
    Refused,
    /// The collector took the batch without it.
    Rejected,
    /// The gateway ended, or another collector took the place of this one, before it took all.
    Ended,
}

// === impl Counts ===

impl Counts {
    pub fn exported(&self) -> u64 {
        self.exported.load(Relaxed)
    }

    pub fn dropped(&self, reason: Reason) -> u64 {
        self.dropped[reason as usize].load(Relaxed)
    }

    pub(crate) fn note_exported(&self, count: u64) {
        self.exported.fetch_add(count, Relaxed);
    }

    pub(crate) fn note_dropped(&self, reason: Reason, count: u64) {
        self.dropped[reason as usize].fetch_add(count, Relaxed);
    }
}

// === impl Reason ===

impl Reason {
    /// In the order of the enum.
    pub const ALL: [Self; 5] = [Self::QueueFull, Self::Unreachable, Self::Refused, Self::Rejected, Self::Ended];

    /// As a label says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Ended => "ended",
        }
    }
}

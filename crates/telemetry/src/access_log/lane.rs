//! The end of a log that belongs to one worker.

use std::{ops::Range, sync::Arc};

use super::{FULL, ROOM, courier::Way, format::Format, line::Line, shared::Shared, taken::Taken, timestamp::Timestamp};
use crate::buffers::Buffers;

/// Takes the lines of one worker for one log.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) format: Arc<Format>,
    pub(super) taken: Arc<Taken>,
    /// Whether the exchange that ends gets a line here.
    pub(super) takes: bool,
    /// The lane before this one whose lines are the same, if any.
    pub(super) like: Option<usize>,
    /// Where the last line stands in the buffer, if it was taken.
    last: Option<Range<usize>>,
    pub(super) buffer: Vec<u8>,
    lines: u64,
    pub(super) buffers: Buffers,
    way: Way,
    shared: Arc<Shared>,
}

// === impl Lane ===

impl Lane {
    /// With so many buffers in circulation.
    pub(super) fn new(format: Arc<Format>, taken: Arc<Taken>, most: usize, way: Way, shared: Arc<Shared>) -> Self {
        let buffers = Buffers::new(most, ROOM);
        for _ in 1..most {
            // Those beyond the usual few get their room when they are needed.
            buffers.give(Vec::with_capacity(if most > super::BUFFERS { 0 } else { ROOM }));
        }
        Self {
            format,
            taken,
            takes: false,
            like: None,
            last: None,
            buffer: Vec::with_capacity(ROOM),
            lines: 0,
            buffers,
            way,
            shared,
        }
    }

    /// Takes a line, or drops and counts it. `same` is what another lane made of it, if that is the same.
    pub(super) fn write(&mut self, line: &Line<'_>, same: Option<&[u8]>, timestamp: &mut Timestamp) {
        self.last = None;
        if self.buffer.len() >= FULL && !self.hand_over() {
            self.shared.dropped(1);
            return;
        }
        let begin = self.buffer.len();
        match same {
            Some(same) => self.buffer.extend_from_slice(same),
            None => self.format.write(line, timestamp, &mut self.buffer),
        }
        self.last = Some(begin..self.buffer.len());
        self.lines += 1;
    }

    /// The line that was taken last.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.last.clone().and_then(|last| self.buffer.get(last))
    }

    /// Hands over what there is.
    pub(super) fn tick(&mut self) {
        if self.lines > 0 {
            self.hand_over();
        }
    }

    /// Whether the buffer is empty now. If not, the log's thread holds all others.
    fn hand_over(&mut self) -> bool {
        let Some(empty) = self.buffers.take() else { return false };
        self.send(empty);
        true
    }

    /// Sends the buffer to the log's thread and goes on with `next`.
    fn send(&mut self, next: Vec<u8>) {
        let bytes = std::mem::replace(&mut self.buffer, next);
        let lines = std::mem::take(&mut self.lines);
        self.last = None;
        self.way.hand_over(self.buffers.batch(bytes, lines), &self.shared);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // The last buffer need not wait for another to take its place.
        if self.lines > 0 {
            self.send(Vec::new());
        }
    }
}

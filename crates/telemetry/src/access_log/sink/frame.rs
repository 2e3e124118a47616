//! Messages with their length, as syslog over a stream has them.

/// Several messages, and where each ends.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

// === impl Frames ===

impl Frames {
    /// Replaces what there was with these lines (RFC 6587, 3.4.1).
    pub(super) fn fill(&mut self, lines: &[u8]) {
        self.bytes.clear();
        self.ends.clear();
        for line in messages(lines) {
            self.bytes.extend_from_slice(itoa::Buffer::new().format(line.len()).as_bytes());
            self.bytes.push(b' ');
            self.bytes.extend_from_slice(line);
            self.ends.push(self.bytes.len());
        }
    }

    /// The messages from this one on.
    pub(super) fn from(&self, message: usize) -> &[u8] {
        &self.bytes[self.begin(message)..]
    }

    /// How many of the messages from `message` on are whole in their first `bytes` bytes.
    pub(super) fn whole(&self, message: usize, bytes: usize) -> usize {
        let end = self.begin(message) + bytes;
        self.ends[message..].partition_point(|whole| *whole <= end)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn begin(&self, message: usize) -> usize {
        message.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

/// Each line without its end.
pub(super) fn messages(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_length_and_are_counted_whole() {
        let mut frames = Frames::default();
        frames.fill(b"one\nthree\n\n");
        assert_eq!(frames.from(0), b"3 one5 three0 ");
        assert_eq!((frames.from(1), frames.from(3)), (&b"5 three0 "[..], &b""[..]));
        for (message, bytes, whole) in
            [(0, 0, 0), (0, 4, 0), (0, 5, 1), (0, 11, 1), (0, 12, 2), (1, 7, 1), (1, 9, 2), (3, 0, 0)]
        {
            assert_eq!(frames.whole(message, bytes), whole, "{message} {bytes}");
        }
        assert_eq!(frames.len(), 3);
    }
}

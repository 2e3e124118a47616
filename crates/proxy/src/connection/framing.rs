//! Sees, in the bytes of an HTTP/1 head, what the codec does not tell.
//!
//! hyper follows RFC 9112, 6.3: `Transfer-Encoding` overrides `Content-Length`, which it drops without a word. A request
//! with both is the tool of request smuggling, so sluice refuses it; for that the raw head is watched as it comes in.

use memchr::memchr;

/// A small machine fed with the bytes of a head, in whatever pieces they arrive.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    /// Beginning of the current line, as much of it as a name needs.
    line: [u8; LONGEST],
    line_length: usize,
    lines: u32,
    first_line: usize,
    transfer_encoding: bool,
    content_lengths: u32,
    ended: bool,
}

/// Length of the longest name looked for, with its colon.
const LONGEST: usize = TRANSFER_ENCODING.len();
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const CONTENT_LENGTH: &[u8] = b"content-length:";

// === impl HeadScan ===

impl HeadScan {
    /// Takes the next bytes. What follows the end of the head is not looked at.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !self.ended && !bytes.is_empty() {
            let end = memchr(b'\n', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let Some(end) = end else { return self.extend_line(part) };
            if self.line_length == 0 {
                // The usual case: the whole line is here, and need not be kept.
                self.end_line(part, part.len());
            } else {
                self.extend_line(part);
                let (line, length) = (self.line, self.line_length);
                self.end_line(&line[..length.min(LONGEST)], length);
            }
            bytes = &bytes[end + 1..];
        }
    }

    /// Whether the length of the body is given in two ways.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.transfer_encoding && self.content_lengths > 0
    }

    /// Whether there are several fields with a length, which hyper takes if all of them say the same.
    pub(crate) fn has_several_lengths(&self) -> bool {
        self.content_lengths > 1
    }

    /// Length of the request line so far, in bytes.
    pub(crate) fn request_line(&self) -> usize {
        if self.lines == 0 { self.line_length } else { self.first_line }
    }

    /// Keeps the beginning of a line whose end is not here yet.
    fn extend_line(&mut self, part: &[u8]) {
        if let Some(room) = self.line.get_mut(self.line_length..) {
            let taken = part.len().min(room.len());
            room[..taken].copy_from_slice(&part[..taken]);
        }
        self.line_length += part.len();
    }

    /// `line` holds at least as much of the line as is looked at; `length` is that of all of it.
    fn end_line(&mut self, line: &[u8], length: usize) {
        if self.lines == 0 {
            // Empty lines before a request line are to be ignored (RFC 9112, 2.2).
            self.lines = u32::from(length > 1);
            self.first_line = length;
        } else {
            match line.first() {
                None | Some(b'\r') => self.ended = true,
                Some(b't' | b'T') => self.transfer_encoding |= begins_with(line, TRANSFER_ENCODING),
                Some(b'c' | b'C') => self.content_lengths += u32::from(begins_with(line, CONTENT_LENGTH)),
                Some(_) => {}
            }
        }
        self.line_length = 0;
    }
}

fn begins_with(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], ambiguous: bool) {
        for piece in [1, 2, 7, head.len()] {
            let mut scan = HeadScan::default();
            head.chunks(piece).for_each(|chunk| scan.feed(chunk));
            assert_eq!(scan.is_ambiguous(), ambiguous, "in pieces of {piece}: {}", head.escape_ascii());
        }
    }

    #[test]
    fn two_lengths_are_noticed_however_they_arrive() {
        check(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\ntRANSFER-eNCODING: chunked\r\n\r\n", true);
        check(b"\r\nPOST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 3\n\n", true);
        check(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\ncontent-length: 3\r\n", false);
        check(b"GET / HTTP/1.1\r\nx-content-length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    }

    #[test]
    fn the_request_line_is_measured() {
        let mut scan = HeadScan::default();
        scan.feed(b"GET /aaaa");
        assert_eq!(scan.request_line(), 9);
        scan.feed(b" HTTP/1.1\r\nhost: a\r\n");
        assert_eq!(scan.request_line(), 19);
    }
}

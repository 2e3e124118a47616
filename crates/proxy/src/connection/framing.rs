//! Sees, in the bytes of an HTTP/1 connection, what the codec does not tell.
//!
//! hyper follows RFC 9112, 6.3: `Transfer-Encoding` overrides `Content-Length`, which it drops without a word. A request
//! with both is the tool of request smuggling, so sluice refuses it; for that, raw heads are watched as they come in.
//! Clients may send the next head before they have the answer to the last, so bodies are followed to where they end.

use memchr::memchr;

/// A small machine fed with the bytes of a connection, in whatever pieces they arrive. It only ever makes the gateway
/// refuse more: what a request is, the codec alone decides.
///
/// ```text
///          ┌──────────── no body ────────────┐
///          ▼                                 │
///   ──▶ Head ──empty line──▶ which body? ────┤
///          ▲ ▲                               ├─ length ──▶ Body ──▶ Head
///          │ └─ empty line ── Trailers ◀─ 0 ─┤
///          │                                 └─ chunks ──▶ ChunkSize ⇄ Chunk
/// ```
#[derive(Debug)]
pub(crate) struct Framing {
    at: At,
    /// Beginning of the current line, as much of it as is looked at.
    line: [u8; KEPT],
    line_length: usize,
    head: Head,
    /// The request line of `head` is there, the end of `head` is not.
    in_head: bool,
    /// Heads that ended so far.
    heads: u64,
    /// The number of the first request whose framing is not to be believed, counted from 1.
    suspect_from: u64,
}

/// What the bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Head,
    /// So many bytes are left of it.
    Body(u64),
    ChunkSize,
    /// Likewise, with the line end behind it.
    Chunk(u64),
    Trailers,
    /// No framing that is known; the codec will have refused it.
    Lost,
}

/// What was seen of the current head, or of the last one.
#[derive(Debug, Default, Clone, Copy)]
struct Head {
    first_line: usize,
    transfer_encoding: bool,
    content_lengths: u32,
    length: Option<u64>,
}

const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const CONTENT_LENGTH: &[u8] = b"content-length:";

/// Room for the longest field that is read, a length with some space around it.
const KEPT: usize = 48;

// === impl Framing ===

impl Default for Framing {
    fn default() -> Self {
        Self {
            at: At::Head,
            line: [0; KEPT],
            line_length: 0,
            head: Head::default(),
            in_head: false,
            heads: 0,
            suspect_from: u64::MAX,
        }
    }
}

impl Framing {
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.at {
                At::Lost => return,
                At::Body(left) | At::Chunk(left) => {
                    let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.at = if matches!(self.at, At::Body(_)) { At::Head } else { At::ChunkSize };
                    }
                    &bytes[taken..]
                }
                At::Head | At::ChunkSize | At::Trailers => self.feed_line(bytes),
            };
        }
    }

    /// From which request on, counted from 1, the length of a body may be meant in two ways.
    pub(crate) fn suspect_from(&self) -> u64 {
        self.suspect_from
    }

    /// Whether there are several fields with a length, which hyper takes if all of them say the same.
    pub(crate) fn has_several_lengths(&self) -> bool {
        self.head.content_lengths > 1
    }

    /// Length of the request line so far, in bytes.
    pub(crate) fn request_line(&self) -> usize {
        if !self.in_head && self.line_length > 0 { self.line_length } else { self.head.first_line }
    }

    /// Takes the bytes up to the end of a line, and gives back the rest.
    fn feed_line<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = memchr(b'\n', bytes) else {
            self.keep(bytes);
            return &[];
        };
        let part = &bytes[..end];
        if self.line_length == 0 {
            // The usual case: the whole line is here, and need not be kept.
            self.end_line(part, part.len());
        } else {
            self.keep(part);
            let (line, length) = (self.line, self.line_length);
            self.end_line(&line[..length.min(KEPT)], length);
        }
        self.line_length = 0;
        &bytes[end + 1..]
    }

    /// Keeps the beginning of a line whose end is not here yet.
    fn keep(&mut self, part: &[u8]) {
        if let Some(room) = self.line.get_mut(self.line_length..) {
            let taken = part.len().min(room.len());
            room[..taken].copy_from_slice(&part[..taken]);
        }
        self.line_length += part.len();
    }

    /// `line` holds at least as much of the line as is looked at; `length` is that of all of it.
    #[inline]
    fn end_line(&mut self, line: &[u8], length: usize) {
        let is_empty = matches!(line.first(), None | Some(b'\r'));
        match self.at {
            // Empty lines before a request line are to be ignored (RFC 9112, 2.2).
            At::Head if !self.in_head && is_empty => {}
            At::Head if !self.in_head => {
                self.in_head = true;
                self.head = Head { first_line: length, ..Head::default() };
            }
            At::Head if is_empty => self.end_head(),
            At::Head => self.head.note(line),
            At::ChunkSize => match chunk_size(line) {
                Some(0) => self.at = At::Trailers,
                Some(size) => self.at = At::Chunk(size.saturating_add(2)),
                None => self.lose(),
            },
            At::Trailers if is_empty => self.at = At::Head,
            At::Trailers | At::Body(_) | At::Chunk(_) | At::Lost => {}
        }
    }

    fn end_head(&mut self) {
        self.heads += 1;
        let Head { transfer_encoding, content_lengths, length, .. } = self.head;
        self.in_head = false;
        self.at = match (transfer_encoding, content_lengths, length) {
            (true, 0, _) => At::ChunkSize,
            (true, ..) => {
                self.suspect_from = self.suspect_from.min(self.heads);
                At::ChunkSize
            }
            (false, 0, _) | (false, _, Some(0)) => At::Head,
            (false, _, Some(length)) => At::Body(length),
            (false, _, None) => return self.lose(),
        };
    }

    fn lose(&mut self) {
        self.at = At::Lost;
        self.suspect_from = self.suspect_from.min(self.heads + 1);
    }
}

// === impl Head ===

impl Head {
    fn note(&mut self, line: &[u8]) {
        match line.first() {
            Some(b't' | b'T') => self.transfer_encoding |= value_of(line, TRANSFER_ENCODING).is_some(),
            Some(b'c' | b'C') => {
                if let Some(value) = value_of(line, CONTENT_LENGTH) {
                    self.content_lengths += 1;
                    self.length = number(value.trim_ascii(), 10);
                }
            }
            _ => {}
        }
    }
}

/// What follows the name of a field; `name` is in lower case and ends with the colon.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

/// The size that a chunk begins with; what follows a `;` is an extension (RFC 9112, 7.1.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = line.split(|byte| *byte == b';').next()?;
    number(size.trim_ascii(), 16)
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let digits =
        str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_alphanumeric()))?;
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `first` is the number of the first request that is not to be believed; 0: all are.
    #[track_caller]
    fn check(bytes: &[u8], first: u64) {
        for piece in [1, 2, 7, bytes.len()] {
            let mut framing = Framing::default();
            bytes.chunks(piece).for_each(|chunk| framing.feed(chunk));
            let suspect = Some(framing.suspect_from()).filter(|from| *from != u64::MAX).unwrap_or_default();
            assert_eq!(suspect, first, "in pieces of {piece}: {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn two_lengths_are_noticed_however_they_arrive() {
        check(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\ntRANSFER-eNCODING: chunked\r\n\r\n", 1);
        check(b"\r\nPOST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 3\n\n", 1);
        check(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ncontent-length: 3\r\n\r\n", 0);
        check(b"GET / HTTP/1.1\r\nx-content-length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 0);
    }

    const BOTH: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n";

    #[test]
    fn bodies_are_followed_to_the_next_head() {
        let after = |first: &[u8], number| check(&[first, BOTH].concat(), number);
        after(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", 2);
        after(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", 3);
        after(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", 2);
        after(b"POST / HTTP/1.1\r\ncontent-length:  12 \r\n\r\nGET / HTTP\r\n", 2);
        after(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nGET\r\nA\r\n0123456789\r\n0\r\n\r\n", 2);
        after(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\n\r\n", 2);
    }

    #[test]
    fn a_body_that_looks_like_a_head_is_none() {
        let head = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", BOTH.len());
        check(&[head.as_bytes(), BOTH].concat(), 0);
    }

    /// Whoever follows an unknown framing is not to be believed.
    #[test]
    fn what_cannot_be_followed_is_suspect() {
        check(b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n", 2);
        check(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 2);
        check(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n+1\r\n", 2);
        check(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 2);
    }

    #[test]
    fn the_request_line_is_measured() {
        let mut framing = Framing::default();
        framing.feed(b"GET /aaaa");
        assert_eq!(framing.request_line(), 9);
        framing.feed(b" HTTP/1.1\r\nhost: a\r\n");
        assert_eq!(framing.request_line(), 19);
        framing.feed(b"\r\nGET");
        assert_eq!(framing.request_line(), 3);
    }
}

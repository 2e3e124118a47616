//! HTTP/2 frame by frame (RFC 9113 section 4), for what no decent client would send.
//!
//! Header blocks are written as literals without index or Huffman coding (RFC 7541 section 6.2.2), so that the test
//! knows every octet; answers are told apart by their frames and not by their fields.

use std::fmt;

use super::{Failure, Wire};

/// What a client says first (RFC 9113 section 3.4), before its SETTINGS.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub const DATA: u8 = 0x0;
pub const HEADERS: u8 = 0x1;
pub const RST_STREAM: u8 = 0x3;
pub const SETTINGS: u8 = 0x4;
pub const PING: u8 = 0x6;
pub const GOAWAY: u8 = 0x7;
pub const WINDOW_UPDATE: u8 = 0x8;
pub const CONTINUATION: u8 = 0x9;

/// On DATA and HEADERS.
pub const END_STREAM: u8 = 0x1;
/// On HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 0x4;
/// On SETTINGS and PING.
pub const ACK: u8 = 0x1;

/// A block of literal fields.
///
/// # Panics
/// When a name or value has more than 126 octets times 127: nothing needs it here.
pub fn header_block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x00);
        string(&mut block, name.as_bytes());
        string(&mut block, value.as_bytes());
    }
    block
}

/// A string literal with its length as an integer of seven bits prefix (RFC 7541 section 5.1).
fn string(block: &mut Vec<u8>, octets: &[u8]) {
    let mut rest = octets.len();
    if rest < 0x7f {
        block.push(u8::try_from(rest).expect("below 127"));
    } else {
        block.push(0x7f);
        rest -= 0x7f;
        while rest >= 0x80 {
            block.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
            rest >>= 7;
        }
        block.push(u8::try_from(rest).expect("below 128"));
    }
    block.extend_from_slice(octets);
}

// === impl Frame ===

impl Frame {
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// A request without a body, whole in one frame.
    pub fn request(stream: u32, fields: &[(&str, &str)]) -> Self {
        Self::new(HEADERS, END_HEADERS | END_STREAM, stream, header_block(fields))
    }

    /// SETTINGS with `(identifier, value)` pairs.
    pub fn settings(values: &[(u16, u32)]) -> Self {
        let payload: Vec<u8> =
            values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        Self::new(SETTINGS, 0, 0, payload)
    }

    /// The settings of a SETTINGS frame.
    pub fn settings_values(&self) -> Vec<(u16, u32)> {
        let pair = |six: &[u8; 6]| {
            let [a, b, c, d, e, f] = *six;
            (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]))
        };
        self.payload.as_chunks::<6>().0.iter().map(pair).collect()
    }

    /// The error code of a RST_STREAM or GOAWAY frame.
    pub fn error_code(&self) -> Option<u32> {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => return None,
        };
        self.payload.get(at..)?.first_chunk().map(|code| u32::from_be_bytes(*code))
    }

    /// The octets of the frame.
    pub fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a frame is at most 16 MiB").to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes(), &self.payload].concat()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 10] = [
            "DATA",
            "HEADERS",
            "PRIORITY",
            "RST_STREAM",
            "SETTINGS",
            "PUSH_PROMISE",
            "PING",
            "GOAWAY",
            "WINDOW_UPDATE",
            "CONTINUATION",
        ];
        let name = NAMES.get(usize::from(self.kind)).copied().unwrap_or("unknown");
        let Self { flags, stream, payload, .. } = self;
        write!(formatter, "{name} stream={stream} flags={flags:#x} \"{}\"", payload.escape_ascii())
    }
}

// === impl Wire ===

impl Wire {
    /// Says the preface and these settings, without waiting for the peer's.
    ///
    /// # Errors
    /// When the peer has closed.
    pub async fn start_h2(&mut self, settings: &[(u16, u32)]) -> Result<(), Failure> {
        self.send([PREFACE, &Frame::settings(settings).encode()].concat()).await
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// When the peer has closed.
    pub async fn send_frame(&mut self, frame: &Frame) -> Result<(), Failure> {
        self.send(frame.encode()).await
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// When none comes whole.
    pub async fn frame(&mut self) -> Result<Frame, Failure> {
        self.begin();
        self.take_frame().await
    }

    /// Reads frames until one is of this kind and on this stream, and leaves the others out.
    ///
    /// # Errors
    /// When none comes.
    pub async fn frame_of(&mut self, kind: u8, stream: u32) -> Result<Frame, Failure> {
        self.begin();
        loop {
            let frame = self.take_frame().await?;
            if (frame.kind, frame.stream) == (kind, stream) {
                return Ok(frame);
            }
        }
    }

    async fn take_frame(&mut self) -> Result<Frame, Failure> {
        let head = self.take(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Ok(Frame { kind: head[3], flags: head[4], stream, payload: self.take(length).await? })
    }
}

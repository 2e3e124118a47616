//! The chunked coding (RFC 9112, 7.1), read.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use message::hop;

/// Decodes what is at hand, wherever it was cut.
///
/// ```text
///   Size ──▶ Padding ──▶ Extension ──▶ SizeEnd ──▶ Data ──▶ DataCr ──▶ DataLf ──▶ Size
///                                         └── size 0 ──▶ Trailers ──▶ End
/// ```
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    /// Of the chunk: the size while it is read, then what is left of its data.
    remaining: u64,
    /// Bytes of the size line so far.
    line: usize,
}

#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    Data(Bytes),
    /// The body is complete.
    End(Option<HeaderMap>),
    /// Not before more bytes are there.
    More,
}

/// What was received is no chunked coding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// Blanks after the size, which some endpoints write to have all sizes equally long.
    Padding,
    Extension,
    /// The line feed after a size.
    SizeEnd,
    Data,
    DataCr,
    DataLf,
    Trailers,
    End,
}

/// Of a size with its extensions, which nobody has a use for.
const MAX_LINE: usize = 4 << 10;
const MAX_TRAILERS: usize = 16 << 10;
const MAX_TRAILER_FIELDS: usize = 64;

// === impl Decoder ===

impl Decoder {
    pub(super) const fn new() -> Self {
        Self { state: State::Size, remaining: 0, line: 0 }
    }

    /// Takes the next piece out of `buffer`.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Malformed> {
        loop {
            match self.state {
                State::Data if buffer.is_empty() => return Ok(Decoded::More),
                State::Data => return Ok(Decoded::Data(self.data(buffer))),
                State::Trailers => return self.trailers(buffer),
                State::End => return Ok(Decoded::End(None)),
                _ => {
                    self.frame(buffer)?;
                    if buffer.is_empty() {
                        return Ok(Decoded::More);
                    }
                }
            }
        }
    }

    /// Takes the usual end of a body if it is next and all there is, so that the last piece can be told for the last.
    pub(super) fn take_end(&mut self, buffer: &mut BytesMut) -> bool {
        let is_end = self.state == State::DataCr && **buffer == *b"\r\n0\r\n\r\n";
        if is_end {
            buffer.clear();
            self.state = State::End;
        }
        is_end
    }

    fn data(&mut self, buffer: &mut BytesMut) -> Bytes {
        let length = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        self.remaining -= length as u64;
        if self.remaining == 0 {
            self.state = State::DataCr;
        }
        buffer.split_to(length).freeze()
    }

    /// Reads what stands between the data of two chunks.
    fn frame(&mut self, buffer: &mut BytesMut) -> Result<(), Malformed> {
        let mut read = 0;
        for byte in buffer.iter() {
            self.step(*byte)?;
            read += 1;
            if matches!(self.state, State::Data | State::Trailers) {
                break;
            }
        }
        buffer.advance(read);
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.state = match (self.state, byte) {
            (State::Size, b'\r') if self.line == 0 => return Err(Malformed("a chunk has no size")),
            (State::Size | State::Padding | State::Extension, b'\r') => State::SizeEnd,
            (State::Size | State::Padding, b';') if self.line > 0 => State::Extension,
            (State::Size | State::Padding, b' ' | b'\t') if self.line > 0 => State::Padding,
            (State::Size, digit) => {
                let digit = char::from(digit).to_digit(16).ok_or(Malformed("the size of a chunk is no number"))?;
                self.remaining = self.remaining.checked_mul(16).ok_or(Malformed("a chunk is too large"))?;
                self.remaining += u64::from(digit);
                State::Size
            }
            (State::Padding, _) => return Err(Malformed("the size of a chunk is no number")),
            // A line feed alone ends a line for some: they would see another chunk here than we do.
            (State::Extension, b'\n') => return Err(Malformed("a chunk extension holds a line feed")),
            (State::Extension, _) => State::Extension,
            (State::SizeEnd, b'\n') if self.remaining == 0 => State::Trailers,
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                *self = Self::new();
                return Ok(());
            }
            _ => return Err(Malformed("a line of the chunked coding does not end as it should")),
        };
        self.line += 1;
        if self.line > MAX_LINE { Err(Malformed("a chunk extension is too long")) } else { Ok(()) }
    }

    fn trailers(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Malformed> {
        // The usual case: there are none.
        if buffer.starts_with(b"\r\n") {
            buffer.advance(2);
            self.state = State::End;
            return Ok(Decoded::End(None));
        }
        let mut fields = [httparse::EMPTY_HEADER; MAX_TRAILER_FIELDS];
        match httparse::parse_headers(buffer, &mut fields) {
            Ok(httparse::Status::Complete((length, fields))) => {
                let trailers = collect(fields)?;
                buffer.advance(length);
                self.state = State::End;
                Ok(Decoded::End(Some(trailers).filter(|trailers| !trailers.is_empty())))
            }
            Ok(httparse::Status::Partial) if buffer.len() <= MAX_TRAILERS => Ok(Decoded::More),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                Err(Malformed("the trailers are too large"))
            }
            Err(_) => Err(Malformed("the trailers are no fields")),
        }
    }
}

/// The trailers without what must not be one (RFC 9110, 6.5.1): it would change how the message is read.
fn collect(fields: &[httparse::Header<'_>]) -> Result<HeaderMap, Malformed> {
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let invalid = Malformed("a trailer is no field");
        let Ok(name) = HeaderName::from_bytes(field.name.as_bytes()) else { return Err(invalid) };
        let Ok(value) = HeaderValue::from_bytes(field.value) else { return Err(invalid) };
        trailers.append(name, value);
    }
    hop::strip(&mut trailers);
    for name in [header::CONTENT_LENGTH, header::HOST, header::TRAILER] {
        trailers.remove(name);
    }
    Ok(trailers)
}

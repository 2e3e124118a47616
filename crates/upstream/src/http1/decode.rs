//! The head of a response, read.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use httparse::ParserConfig;
use message::{Body, Cause, Error, Result};
use smallvec::SmallVec;

use super::encode::length;

/// A head, with what it says about the bytes that follow.
#[derive(Debug)]
pub(super) struct Received {
    /// Its body is empty yet. In a box from the begin: it goes through many hands.
    pub(super) response: Box<Response<Body>>,
    pub(super) length: Length,
    /// Whether the connection may serve another request.
    pub(super) is_persistent: bool,
}

/// How the body of a response is delimited (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// In bytes.
    Known(u64),
    Chunked,
    UntilClose,
}

/// Where a field stands in the head: begin and end of the name, begin and end of the value.
struct Field([u32; 4]);

/// What the fields say about the message itself.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    is_chunked: bool,
    says_close: bool,
    says_keep_alive: bool,
}

/// Room for this many fields at least: the codec towards the client uses the map again for the next request, which then
/// need not grow for what forwarding adds.
const USUAL_FIELDS: usize = 12;
const MAX_HEAD: usize = 64 << 10;
const MAX_FIELDS: usize = 128;

/// Takes the head of a response to a request of `method` out of `buffer`; `None` if it is not complete.
///
/// # Errors
/// [`Cause::ResponseMalformed`] if it is none, is too large, or can be read in two ways.
pub(super) fn head(buffer: &mut BytesMut, method: &Method) -> Result<Option<Received>> {
    check_begin(buffer)?;
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let end = match ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, buffer, &mut fields) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        Err(error) => return Err(malformed("the endpoint sent no valid response").with_source(error)),
    };
    if end > MAX_HEAD {
        return Err(too_large());
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| malformed("the endpoint sent no valid status"))?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let places: SmallVec<[Field; 32]> = parsed.headers.iter().map(|field| Field::of(field, buffer)).collect();
    receive(&buffer.split_to(end).freeze(), &places, status, version, method).map(Some)
}

/// Whether what was received, which holds no complete head, may become one.
///
/// # Errors
/// As [`head`].
pub(super) fn check_partial(buffer: &[u8]) -> Result<()> {
    check_begin(buffer)?;
    if buffer.len() > MAX_HEAD { Err(too_large()) } else { Ok(()) }
}

/// Blank lines before a response, which the parser would skip, are leftovers of whatever came before it; and who speaks
/// another protocol need not send a whole line to be found out.
fn check_begin(buffer: &[u8]) -> Result<()> {
    let begin = b"HTTP/1.";
    let length = buffer.len().min(begin.len());
    if buffer[..length] == begin[..length] { Ok(()) } else { Err(malformed("the endpoint sent no valid response")) }
}

fn receive(head: &Bytes, places: &[Field], status: StatusCode, version: Version, method: &Method) -> Result<Received> {
    // Room for what the gateway adds.
    let mut headers = HeaderMap::with_capacity(places.len().max(USUAL_FIELDS) + 2);
    let mut framing = Framing::default();
    for place in places {
        let (name, value) = place.take(head)?;
        if framing.note(&name, &value)? {
            headers.append(name, value);
        }
    }
    let length = framing.length(status, version, method)?;
    let is_persistent = framing.is_persistent(version) && length != Length::UntilClose;
    let mut response = Box::new(Response::new(Body::empty()));
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    Ok(Received { response, length, is_persistent })
}

// === impl Field ===

impl Field {
    /// A head has at most [`MAX_HEAD`] bytes, or is refused.
    fn of(field: &httparse::Header<'_>, buffer: &[u8]) -> Self {
        let offset = |part: &[u8]| (part.as_ptr() as usize - buffer.as_ptr() as usize) as u32;
        let (name, value) = (offset(field.name.as_bytes()), offset(field.value));
        Self([name, name + field.name.len() as u32, value, value + field.value.len() as u32])
    }

    fn take(&self, head: &Bytes) -> Result<(HeaderName, HeaderValue)> {
        let [name, name_end, value, value_end] = self.0.map(|offset| offset as usize);
        let name = HeaderName::from_bytes(&head[name..name_end])
            .map_err(|error| malformed("a field of the response has no valid name").with_source(error))?;
        // SAFETY: the parser accepted these bytes as a field value, and accepts no byte that `HeaderValue` would not;
        // a test compares the two for every byte.
        let value = unsafe { HeaderValue::from_maybe_shared_unchecked(head.slice(value..value_end)) };
        Ok((name, value))
    }
}

// === impl Framing ===

impl Framing {
    /// Tells whether the field is to be kept.
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<bool> {
        match name.as_str() {
            "content-length" => {
                let length = length(value).ok_or_else(|| malformed("the length of the response is no number"))?;
                if self.length.is_some_and(|known| known != length) {
                    return Err(malformed("the response has several lengths"));
                }
                // Said once more, it stays once: not everybody down the line would take a repetition well.
                return Ok(self.length.replace(length).is_none());
            }
            "transfer-encoding" => {
                // Another coding than this one we could not take off, and the client would not learn of it.
                if self.is_chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                    return Err(malformed("the response has a transfer coding other than chunked"));
                }
                self.is_chunked = true;
            }
            "connection" => {
                for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.says_close |= option.eq_ignore_ascii_case(b"close");
                    self.says_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn length(&self, status: StatusCode, version: Version, method: &Method) -> Result<Length> {
        if self.is_chunked && self.length.is_some() {
            return Err(malformed("the response has both content-length and transfer-encoding"));
        }
        if self.is_chunked && version == Version::HTTP_10 {
            return Err(malformed("the response is HTTP/1.0 and has a transfer-encoding"));
        }
        let is_bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if method == Method::HEAD || status.is_informational() || is_bodiless {
            return Ok(Length::Known(0));
        }
        Ok(match self.length {
            Some(length) => Length::Known(length),
            None if self.is_chunked => Length::Chunked,
            None => Length::UntilClose,
        })
    }

    /// RFC 9112, 9.3.
    fn is_persistent(&self, version: Version) -> bool {
        !self.says_close && (version == Version::HTTP_11 || self.says_keep_alive)
    }
}

#[cold]
fn malformed(detail: &'static str) -> Error {
    Error::new(Cause::ResponseMalformed, detail)
}

#[cold]
fn too_large() -> Error {
    malformed("the head of the response is too large")
}

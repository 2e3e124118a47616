//! Documents as they are kept: JSON in an envelope, compressed.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::Document;

/// So that a later version can tell its own from ours.
#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    format: u32,
    #[serde(flatten)]
    inner: T,
}

#[derive(Deserialize)]
struct Kept {
    document: Document,
}

/// Whatever may be wrong with what is kept, in words.
pub(crate) struct Broken(pub(crate) String);

const FORMAT: u32 = 1;

/// Fast, and enough for text that repeats itself.
const LEVEL: i32 = 3;

/// A document that comes out longer was not written by us.
const LONGEST: usize = 256 << 20;

/// The octets to keep of a document.
///
/// # Errors
/// It cannot be written down.
pub fn pack(document: &Document) -> Result<Vec<u8>, String> {
    // An envelope as `encode` writes it, but of text that objects have already.
    let mut text = format!("{{\"format\":{FORMAT},\"document\":");
    document.write_json(&mut text);
    text.push('}');
    zstd::bulk::compress(text.as_bytes(), LEVEL).map_err(|error| error.to_string())
}

/// The document of these octets.
///
/// # Errors
/// [`pack`] did not make them.
pub fn unpack(octets: &[u8]) -> Result<Document, String> {
    decode(octets).map(|Kept { document }| document).map_err(|Broken(why)| why)
}

pub(crate) fn encode(inner: impl Serialize) -> Result<Vec<u8>, Broken> {
    let text = serde_json::to_vec(&Envelope { format: FORMAT, inner })?;
    Ok(zstd::bulk::compress(&text, LEVEL)?)
}

pub(crate) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Broken> {
    let text = zstd::bulk::decompress(bytes, bound(bytes))?;
    let Envelope { format, inner } = serde_json::from_slice(&text)?;
    match format {
        FORMAT => Ok(inner),
        other => Err(Broken(format!("it was written by a later version of sluice (format {other})"))),
    }
}

/// How long the text may be, in bytes: what the frame says, as all that we write does.
fn bound(bytes: &[u8]) -> usize {
    let said = zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten().unwrap_or(0);
    usize::try_from(said).unwrap_or(usize::MAX).min(LONGEST)
}

// === impl Broken ===

impl From<serde_json::Error> for Broken {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

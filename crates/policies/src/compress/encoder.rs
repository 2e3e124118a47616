//! One face for three compressors that write into memory.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::config::{Coding, Level};

/// Takes bytes, holds what came out of them until it is fetched.
pub(super) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

/// Largest window, as a power of two: what each response may hold in memory. Browsers take 8 MiB (RFC 9659); with ten
/// thousand responses at once that would be 80 GiB.
const WINDOW_BITS: u32 = 19;

/// Smallest window that all the formats know.
const LEAST_WINDOW_BITS: u32 = 10;

/// What brotli's writer holds before it passes it on.
const BROTLI_BUFFER: usize = 4 << 10;

// === impl Encoder ===

impl Encoder {
    /// `length` of what will be written, where it is known: less memory is needed for less.
    ///
    /// # Errors
    /// Only if the library refuses its settings.
    pub(super) fn new(coding: Coding, level: Level, length: Option<u64>) -> io::Result<Self> {
        let window = window_bits(length);
        Ok(match coding {
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), gzip_level(level))),
            Coding::Br => {
                let writer = brotli::CompressorWriter::new(Vec::new(), BROTLI_BUFFER, brotli_level(level), window);
                Self::Brotli(Box::new(writer))
            }
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), zstd_level(level))?;
                encoder.set_pledged_src_size(length)?;
                encoder.window_log(window)?;
                Self::Zstd(encoder)
            }
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Brotli(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    /// Brings out all that was written so far, at a small price in size.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.flush(),
            Self::Brotli(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }

    /// What came out and is not fetched yet, in bytes.
    pub(super) fn ready(&self) -> usize {
        match self {
            Self::Gzip(encoder) => encoder.get_ref().len(),
            Self::Brotli(encoder) => encoder.get_ref().len(),
            Self::Zstd(encoder) => encoder.get_ref().len(),
        }
    }

    pub(super) fn fetch(&mut self) -> Bytes {
        let output = match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Brotli(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        };
        std::mem::take(output).into()
    }

    /// All that is left, with the end mark of the format.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Brotli(encoder) => encoder.into_inner(),
            Self::Zstd(encoder) => encoder.finish()?,
        }
        .into())
    }
}

fn window_bits(length: Option<u64>) -> u32 {
    let needed = length.map_or(u64::BITS, |length| u64::BITS - length.leading_zeros());
    needed.clamp(LEAST_WINDOW_BITS, WINDOW_BITS)
}

// A worker serves others while it compresses for one: the highest levels of brotli and zstd are for files.

fn gzip_level(level: Level) -> Compression {
    Compression::new(match level {
        Level::Fastest => 1,
        Level::Default => 6,
        Level::Best => 9,
    })
}

const fn brotli_level(level: Level) -> u32 {
    match level {
        Level::Fastest => 1,
        Level::Default => 4,
        Level::Best => 8,
    }
}

const fn zstd_level(level: Level) -> i32 {
    match level {
        Level::Fastest => 1,
        Level::Default => 3,
        Level::Best => 11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_fits_what_is_written() {
        for (length, bits) in [
            (None, WINDOW_BITS),
            (Some(0), LEAST_WINDOW_BITS),
            (Some(1 << 10), 11),
            (Some(100_000), 17),
            (Some(u64::MAX), WINDOW_BITS),
        ] {
            assert_eq!(window_bits(length), bits, "{length:?}");
        }
    }
}

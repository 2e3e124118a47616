use std::fmt;

use crate::Random;

/// Of a whole trace; never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// Of one span of a trace; never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// What is looked at to decide by the id alone: the last seven bytes (W3C Trace Context, Level 2, "random trace id flag").
pub(super) const RANDOM_BITS: u32 = 56;

// === impl TraceId ===

impl TraceId {
    /// `None`: all zero.
    pub fn new(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// `key` is that of whoever makes ids, so that two who happen to draw the same number make different ones.
    pub(super) fn made(random: &mut Random, key: u64) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(random.bits() ^ key).to_be_bytes());
        bytes[8..].copy_from_slice(&random.bits().max(1).to_be_bytes());
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&self) -> [u8; 32] {
        let mut digits = [0; 32];
        digits.copy_from_slice(pairs(&self.0).as_flattened());
        digits
    }

    /// From 0 to below 2⁵⁶: the same for everybody who sees the id.
    pub(super) fn randomness(&self) -> u64 {
        let [.., a, b, c, d, e, f, g] = self.0;
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    }

    /// Exactly 32 lower-case hexadecimal digits.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        read_hex(text).and_then(Self::new)
    }

    /// The same, or 16 of them for an id of half the length.
    pub(super) fn read_long_or_short(text: &[u8]) -> Option<Self> {
        if text.len() != 16 {
            return Self::read(text);
        }
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&read_hex::<8>(text)?);
        Self::new(bytes)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl SpanId ===

impl SpanId {
    /// `None`: zero.
    pub fn new(bytes: [u8; 8]) -> Option<Self> {
        (bytes != [0; 8]).then_some(Self(bytes))
    }

    pub(super) fn made(random: &mut Random) -> Self {
        Self(random.bits().max(1).to_be_bytes())
    }

    pub fn bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&self) -> [u8; 16] {
        let mut digits = [0; 16];
        digits.copy_from_slice(pairs(&self.0).as_flattened());
        digits
    }

    /// The span below this one that has this number.
    pub(super) fn child(self, number: u64) -> Self {
        let own = u64::from_be_bytes(self.0);
        // The numbers are spread before they are added, or the children of neighbours would be the same.
        let spread = Random::seeded(number).bits();
        Self::made(&mut Random::seeded(own ^ spread))
    }

    /// Exactly 16 lower-case hexadecimal digits.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        read_hex(text).and_then(Self::new)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Two digits for each byte. Upper case is an error in both formats.
pub(super) fn read_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Two digits for each byte. Neither branches nor looks anything up, so that the compiler makes many at once.
#[inline]
fn pairs<const N: usize>(bytes: &[u8; N]) -> [[u8; 2]; N] {
    let digit = |half: u8| half + b'0' + u8::from(half > 9) * (b'a' - b'9' - 1);
    let mut pairs = [[0; 2]; N];
    for (byte, pair) in bytes.iter().zip(&mut pairs) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    pairs
}

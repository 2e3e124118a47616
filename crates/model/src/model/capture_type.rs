//! What a captured segment must look like.

use expression::literal::Date;

/// What a name in a template takes, as in `{id:int}`: a segment that does not look like it is not matched.
///
/// Segments are compared in normal form, in which none of these holds anything encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptureType {
    /// `[A-Za-z]+`
    Alpha,
    /// `YYYY-MM-DD`, a day that there is (RFC 3339, `full-date`).
    Date,
    /// `[0-9A-Fa-f]+`
    Hex,
    /// `-?[0-9]+`, however long.
    Int,
    /// `[a-z0-9-]+`
    Slug,
    /// Groups of 8, 4, 4, 4 and 12 hexadecimal digits (RFC 9562, 4), in either case.
    Uuid,
}

// === impl CaptureType ===

impl CaptureType {
    pub const ALL: [Self; 6] = [Self::Alpha, Self::Date, Self::Hex, Self::Int, Self::Slug, Self::Uuid];

    /// As templates call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Date => "date",
            Self::Hex => "hex",
            Self::Int => "int",
            Self::Slug => "slug",
            Self::Uuid => "uuid",
        }
    }

    /// Whether a segment looks like it.
    pub fn takes(self, segment: &str) -> bool {
        let bytes = segment.as_bytes();
        let all = |bytes: &[u8], is: fn(&u8) -> bool| !bytes.is_empty() && bytes.iter().all(is);
        match self {
            Self::Alpha => all(bytes, u8::is_ascii_alphabetic),
            Self::Date => Date::read(bytes).is_some(),
            Self::Hex => all(bytes, u8::is_ascii_hexdigit),
            Self::Int => all(bytes.strip_prefix(b"-").unwrap_or(bytes), u8::is_ascii_digit),
            Self::Slug => all(bytes, |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
            Self::Uuid => is_uuid(bytes),
        }
    }
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_takes_its_own() {
        let cases = [
            ("7", "hex int slug"),
            ("-7", "int slug"),
            ("007", "hex int slug"),
            ("99999999999999999999999", "hex int slug"),
            ("-", "slug"),
            ("--7", "slug"),
            ("+7", ""),
            ("7.5", ""),
            ("٣", ""),
            ("abc", "alpha hex slug"),
            ("Abc", "alpha hex"),
            ("xyz", "alpha slug"),
            ("red-shoes-2", "slug"),
            ("red_shoes", ""),
            ("caf%C3%A9", ""),
            ("2024-02-29", "date slug"),
            ("2023-02-29", "slug"),
            ("0b5a3f04-7c36-4a51-8e0f-2f5d1f6f9a77", "slug uuid"),
            ("0B5A3F04-7C36-4A51-8E0F-2F5D1F6F9A77", "uuid"),
            ("0b5a3f047c364a518e0f2f5d1f6f9a77", "hex slug"),
            ("0b5a3f04-7c36-4a51-8e0f2-f5d1f6f9a77", "slug"),
            ("{0b5a3f04-7c36-4a51-8e0f-2f5d1f6f9a77}", ""),
            ("", ""),
        ];
        for (segment, expected) in cases {
            let taken: Vec<_> =
                CaptureType::ALL.iter().filter(|one| one.takes(segment)).map(|one| one.name()).collect();
            assert_eq!(taken.join(" "), expected, "{segment}");
        }
    }
}

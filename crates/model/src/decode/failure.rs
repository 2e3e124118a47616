//! Why a value could not be decoded.

use std::fmt;

use serde::de;

/// An error on its way out of serde.
#[derive(Debug)]
pub(super) enum Failure {
    /// Reported and remembered; nothing to do but to get out.
    Settled,
    /// A stand-in was not accepted: says nothing about the document.
    Phantom,
    /// Has no place yet: the next node on the way out is the one it is about.
    Raw(Box<Complaint>),
}

#[derive(Debug)]
pub(super) enum Complaint {
    Expected { what: String, hint: Option<&'static str> },
    Missing(&'static str),
    UnknownKey { name: String, known: &'static [&'static str] },
    UnknownVariant { name: String, known: &'static [&'static str] },
    Length(String),
    Custom(String),
}

// === impl Failure ===

impl Failure {
    pub(super) fn expected(what: impl fmt::Display) -> Self {
        Self::expected_with_hint(what, None)
    }

    pub(super) fn expected_with_hint(what: impl fmt::Display, hint: Option<&'static str>) -> Self {
        Self::raw(Complaint::Expected { what: what.to_string(), hint })
    }

    fn raw(complaint: Complaint) -> Self {
        Self::Raw(Box::new(complaint))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => f.write_str("reported"),
            Self::Phantom => f.write_str("stand-in refused"),
            Self::Raw(complaint) => write!(f, "{complaint:?}"),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::raw(Complaint::Custom(message.to_string()))
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        match expected.to_string().as_str() {
            // What serde calls a map that an enum is read from, when it has no key.
            "enum" => Self::expected("a map with one key"),
            expected => Self::expected(expected),
        }
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::raw(Complaint::Length(format!("expected {expected}, found {length} items")))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::raw(Complaint::UnknownVariant { name: name.to_owned(), known })
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::raw(Complaint::UnknownKey { name: name.to_owned(), known })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::raw(Complaint::Missing(name))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::raw(Complaint::Custom(format!("the key `{name}` is given twice, perhaps under two names")))
    }
}

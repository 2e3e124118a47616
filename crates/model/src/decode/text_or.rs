//! A value that is written short, as a text, or long.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// The short form of a type.
pub trait FromText: Sized {
    /// What is expected, for a problem: "an address, or a map with `address`".
    const EXPECTED: &'static str;

    /// Reads the short form. The error is a message; what follows its first `"; "` is the hint.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Reads `true` or `false`, for types that have a meaning for one; within [`TextOr`] only.
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
}

/// `T` from a text by [`FromText`], from a map by its own [`Deserialize`].
///
/// Problems within the long form keep their places; `T` should `deny_unknown_fields`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextOr<T>(pub T);

struct TextOrVisitor<T>(PhantomData<T>);

// === impl TextOr ===

impl<'de, T: FromText + Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrVisitor(PhantomData)).map(Self)
    }
}

impl<'de, T: FromText + Deserialize<'de>> Visitor<'de> for TextOrVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        T::from_bool(value).ok_or_else(|| E::invalid_type(de::Unexpected::Bool(value), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

//! A stand-in for a value that is missing or was wrong.
//!
//! serde looks for missing keys last and stops at the first. With something in its place the next pass gets further;
//! what comes out is thrown away. A type that takes none of the stand-ins ends the search, and nothing is said of it.

use serde::{
    de::{
        DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
        value::{SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::failure::Failure;

/// Texts that are tried one after the other, because many types want texts of their own.
const TEXTS: [&str; 6] = ["x", "/x", "127.0.0.1:1", "1s", "1%", "auto"];

/// How many stand-ins there are: the texts, and a number for types that read themselves from anything.
pub(super) const STAND_INS: usize = TEXTS.len() + 1;

/// Structs within structs that get stand-ins for their fields.
const DEEPEST: usize = 8;

#[derive(Clone, Copy)]
pub(super) struct Phantom {
    number: usize,
    depth: usize,
}

struct Fields {
    rest: std::slice::Iter<'static, &'static str>,
    within: Phantom,
}

// === impl Phantom ===

impl Phantom {
    /// The stand-in of this number, below [`STAND_INS`].
    pub(super) fn new(number: usize) -> Self {
        Self { number, depth: 0 }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            visitor.visit_i64(1)
        }
    )*};
}

impl<'de> Deserializer<'de> for Phantom {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match TEXTS.get(self.number) {
            Some(text) => visitor.visit_str(text),
            None => visitor.visit_i64(1),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_bool(false)
    }

    numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 }
    numbers! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64 }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<&str>()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(Fields { rest: [].iter(), within: self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if self.depth >= DEEPEST {
            return Err(Failure::Phantom);
        }
        visitor.visit_map(Fields { rest: fields.iter(), within: Self { depth: self.depth + 1, ..self } })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_enum(IntoDeserializer::into_deserializer(variants.first().copied().unwrap_or_default()))
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit_struct tuple tuple_struct identifier ignored_any
    }
}

// === impl Fields ===

impl<'de> MapAccess<'de> for Fields {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        match self.rest.next() {
            Some(name) => seed.deserialize(StrDeserializer::new(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self.within)
    }
}

//! The key of a map, or the name of a variant: a text that may be read as a number.

use serde::{
    de::{Deserializer, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

use super::failure::Failure;

pub(super) struct KeyDeserializer<'k>(&'k str);

// === impl KeyDeserializer ===

impl<'k> KeyDeserializer<'k> {
    pub(super) fn new(name: &'k str) -> Self {
        Self(name)
    }

    fn visit_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0.parse() {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => Err(Failure::expected("a whole number")),
        }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.visit_number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_str(self.0)
    }

    numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 }
    numbers! { deserialize_u8 deserialize_u16 deserialize_u32 }

    /// A field or variant by name; serde asks for one by index (`u64`) only in formats that do not describe themselves.
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_number(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        StrDeserializer::<Failure>::new(self.0).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

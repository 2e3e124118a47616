//! A node as a source of serde.

use std::slice;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};

use super::{failure::Failure, key::KeyDeserializer, memory::Memory, phantom::Phantom};
use crate::{Key, Node, Value};

#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'n> {
    node: &'n Node,
    memory: &'n Memory,
}

/// The items of a list, without those that failed.
struct Items<'n> {
    rest: slice::Iter<'n, Node>,
    memory: &'n Memory,
}

struct Entries<'n> {
    rest: slice::Iter<'n, (Key, Node)>,
    value: Option<&'n Node>,
    map: &'n Node,
    /// Missing keys, each with the number of its stand-in.
    absent: Vec<(&'static str, usize)>,
    memory: &'n Memory,
}

/// `name`, or a map with one key: `name: value`.
struct Variant<'n> {
    node: &'n Node,
    name: VariantName<'n>,
    memory: &'n Memory,
}

#[derive(Clone, Copy)]
enum VariantName<'n> {
    Text(&'n str),
    Key(&'n Key, &'n Node),
}

// === impl NodeDeserializer ===

impl<'n> NodeDeserializer<'n> {
    pub(super) fn new(node: &'n Node, memory: &'n Memory) -> Self {
        Self { node, memory }
    }

    fn items(self) -> Option<Items<'n>> {
        match &self.node.value {
            Value::List(items) => Some(Items { rest: items.iter(), memory: self.memory }),
            _ => None,
        }
    }

    fn entries(self, absent: Vec<(&'static str, usize)>) -> Option<Entries<'n>> {
        match &self.node.value {
            Value::Map(entries) => {
                Some(Entries { rest: entries.iter(), value: None, map: self.node, absent, memory: self.memory })
            }
            _ => None,
        }
    }

    fn visit_map<'de, V: Visitor<'de>>(self, mut entries: Entries<'n>, visitor: V) -> Result<V::Value, Failure> {
        let value = visitor.visit_map(&mut entries)?;
        match entries.next() {
            None => Ok(value),
            Some((key, _)) => Err(de::Error::custom(format_args!(
                "a map with one key was expected here, but there is `{}` as well; keep one of them",
                key.name
            ))),
        }
    }

    fn visit_struct<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let absent = self.memory.absent(self.node, fields);
        let Some(entries) = self.entries(absent) else { return Err(self.not_a_map(fields)) };
        for (key, value) in self.node.entries() {
            let is_left_out = || self.memory.is_unknown(key) || self.memory.is_poisoned(value);
            if !fields.contains(&key.name.as_str()) && !is_left_out() {
                self.memory.unknown_key(key, fields);
            }
        }
        self.visit_map(entries, visitor)
    }

    fn not_a_map(self, fields: &[&str]) -> Failure {
        let hint = (self.node.value == Value::Null).then_some("write `{}` for an empty map, or leave the key out");
        let what = match fields {
            [first, _, ..] => format!("a map with keys such as `{first}`"),
            [only] => format!("a map with the key `{only}`"),
            [] => "a map".to_owned(),
        };
        Failure::expected_with_hint(what, hint)
    }

    fn visit_integer<'de, V: Visitor<'de>>(self, least: i64, most: i64, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Integer(value) if (least..=most).contains(&value) => visitor.visit_i64(value),
            _ => Err(Failure::expected(match (least, most) {
                (0, i64::MAX) => "a whole number that is not negative".to_owned(),
                (i64::MIN, i64::MAX) => "a whole number".to_owned(),
                (least, most) => format!("a whole number from {least} to {most}"),
            })),
        }
    }

    fn visit_text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_str(text),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                Err(Failure::expected_with_hint("a text", Some("put it in quotes")))
            }
            _ => Err(Failure::expected("a text")),
        }
    }
}

macro_rules! integers {
    ($($method:ident: $least:expr, $most:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.visit_integer($least, $most, visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let hint = match (&self.node.value, self.node.text()) {
            (Value::Bool(value), _) => return visitor.visit_bool(*value),
            (_, Some("yes" | "on" | "Yes" | "On" | "true")) => Some("write `true`"),
            (_, Some("no" | "off" | "No" | "Off" | "false")) => Some("write `false`"),
            _ => None,
        };
        Err(Failure::expected_with_hint("`true` or `false`", hint))
    }

    integers! {
        deserialize_i8: i8::MIN.into(), i8::MAX.into();
        deserialize_i16: i16::MIN.into(), i16::MAX.into();
        deserialize_i32: i32::MIN.into(), i32::MAX.into();
        deserialize_i64: i64::MIN, i64::MAX;
        deserialize_i128: i64::MIN, i64::MAX;
        deserialize_u8: 0, u8::MAX.into();
        deserialize_u16: 0, u16::MAX.into();
        deserialize_u32: 0, u32::MAX.into();
        deserialize_u64: 0, i64::MAX;
        deserialize_u128: 0, i64::MAX;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Float(value) => visitor.visit_f64(value),
            Value::Integer(value) => visitor.visit_i64(value),
            _ => Err(Failure::expected("a number")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_text(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_text(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_text(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Null => {
                let hint = Some("give the key a value, or leave it out");
                Err(Failure::expected_with_hint("a value", hint))
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Map(entries) if entries.is_empty() => visitor.visit_unit(),
            Value::Map(_) => Err(Failure::expected_with_hint("nothing", Some("it has no settings"))),
            _ => Err(Failure::expected("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.items() {
            Some(items) => visitor.visit_seq(items),
            None => {
                let is_null = self.node.value == Value::Null;
                Err(Failure::expected_with_hint("a list", is_null.then_some("write `[]` for an empty list")))
            }
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        match self.items() {
            Some(items) if items.rest.len() == length => visitor.visit_seq(items),
            _ => Err(Failure::expected(format_args!("a list of {length} items"))),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.entries(Vec::new()) {
            Some(entries) => self.visit_map(entries, visitor),
            None => Err(self.not_a_map(&[])),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.visit_struct(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let name = match (&self.node.value, self.node.entries()) {
            (Value::Text(text), _) => VariantName::Text(text),
            (_, [(key, value)]) => VariantName::Key(key, value),
            (Value::Bool(_) | Value::Integer(_) | Value::Float(_), _) => {
                let known = quoted(&mut variants.iter().copied());
                return Err(Failure::expected_with_hint(format_args!("one of {known}"), Some("put it in quotes")));
            }
            (_, entries) => return Err(not_a_variant(variants, entries)),
        };
        visitor.visit_enum(Variant { node: self.node, name, memory: self.memory })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_text(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}

fn not_a_variant(variants: &[&str], entries: &[(Key, Node)]) -> Failure {
    let known = quoted(&mut variants.iter().copied());
    if entries.is_empty() {
        return Failure::expected(format_args!("one of {known}"));
    }
    let found = quoted(&mut entries.iter().map(|(key, _)| key.name.as_str()));
    de::Error::custom(format_args!("expected exactly one of {known}, found {found}"))
}

fn quoted(words: &mut dyn Iterator<Item = &str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

// === impl Items ===

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        match self.rest.by_ref().find(|node| !self.memory.is_poisoned(node)) {
            Some(node) => {
                let item = seed.deserialize(NodeDeserializer::new(node, self.memory));
                item.map(Some).map_err(|failure| self.memory.settle(node, failure))
            }
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

// === impl Entries ===

impl<'n> Entries<'n> {
    /// The next entry that was not left out.
    fn next(&mut self) -> Option<(&'n Key, &'n Node)> {
        let memory = self.memory;
        let known = |(key, node): &&(Key, Node)| !memory.is_unknown(key) && !memory.is_poisoned(node);
        self.rest.by_ref().find(known).map(|(key, node)| (key, node))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some((key, value)) = self.next() else {
            self.value = None;
            return match self.absent.last() {
                Some((name, _)) => seed.deserialize(StrDeserializer::new(name)).map(Some),
                None => Ok(None),
            };
        };
        self.value = Some(value);
        seed.deserialize(KeyDeserializer::new(&key.name)).map(Some).map_err(|e| self.memory.settle_key(key, e))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failure> {
        let Some(node) = self.value.take() else {
            let Some((name, number)) = self.absent.pop() else { return Err(Failure::Settled) };
            return seed.deserialize(Phantom::new(number)).map_err(|_| {
                self.memory.refuse_stand_in(self.map, name);
                Failure::Settled
            });
        };
        seed.deserialize(NodeDeserializer::new(node, self.memory)).map_err(|e| self.memory.settle(node, e))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

// === impl Variant ===

impl<'n> Variant<'n> {
    /// The value of `name: value`.
    fn value(&self) -> Result<&'n Node, Failure> {
        match self.name {
            VariantName::Text(name) => {
                Err(de::Error::custom(format_args!("`{name}` needs a value; write it as a map: `{{ {name}: … }}`")))
            }
            VariantName::Key(_, value) if self.memory.is_poisoned(value) => {
                self.memory.poison(self.node);
                Err(Failure::Settled)
            }
            VariantName::Key(_, value) => Ok(value),
        }
    }

    fn settle<T>(&self, value: &Node, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| self.memory.settle(value, failure))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        let variant = match self.name {
            VariantName::Text(name) => seed.deserialize(KeyDeserializer::new(name))?,
            VariantName::Key(key, _) => {
                let variant = seed.deserialize(KeyDeserializer::new(&key.name));
                variant.map_err(|failure| {
                    self.memory.poison(self.node);
                    self.memory.settle_key(key, failure)
                })?
            }
        };
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match self.name {
            VariantName::Text(_) => Ok(()),
            VariantName::Key(_, Node { value: Value::Null, .. }) => Ok(()),
            VariantName::Key(_, value) if value.entries().is_empty() && matches!(value.value, Value::Map(_)) => Ok(()),
            VariantName::Key(key, _) => {
                Err(de::Error::custom(format_args!("`{0}` takes no value; write just `{0}`", key.name)))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        let value = self.value()?;
        self.settle(value, seed.deserialize(NodeDeserializer::new(value, self.memory)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        let value = self.value()?;
        self.settle(value, NodeDeserializer::new(value, self.memory).deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        let value = self.value()?;
        self.settle(value, NodeDeserializer::new(value, self.memory).visit_struct(fields, visitor))
    }
}

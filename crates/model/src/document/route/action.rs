use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::{
    FromText,
    values::{FieldName, FieldValue, HostValue, RedirectStatus, Status},
};

/// Sends the client elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// Where to: a path, or an address with its scheme. Names that the route's path captures stand in `{}`, as in
    /// `/new{rest}`.
    pub to: String,
    /// 301, 302, 303, 307 or 308. Default: 302.
    pub status: Option<RedirectStatus>,
}

/// An answer without an upstream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Respond {
    /// The status, from 200 to 599. Default: 200.
    pub status: Option<Status>,
    /// Header fields; for several of one name give a list.
    #[serde(default)]
    pub headers: Fields,
    /// The body. Default: empty.
    #[serde(default)]
    pub body: String,
}

/// Changes to the request before the upstream gets it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The new path. Names that the route's path captures stand in `{}`, as in `/internal/{id}`. The query stays, unless
    /// the new path holds a `?`.
    pub path: Option<String>,
    /// The new `Host`.
    pub host: Option<HostValue>,
}

/// Header fields in the order written; those of one name follow each other.
#[derive(Debug, Clone, Default)]
pub struct Fields(pub Vec<(FieldName, FieldValue)>);

/// One value of a header field, or several.
struct FieldValues(Vec<FieldValue>);

// === impl Fields ===

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of header fields")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, FieldValues(values))) = map.next_entry::<FieldName, FieldValues>()? {
                    fields.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl JsonSchema for Fields {
    fn schema_name() -> Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<FieldValue>();
        json_schema!({
            "type": "object",
            "propertyNames": generator.subschema_for::<FieldName>(),
            "additionalProperties": { "anyOf": [value.clone(), { "type": "array", "items": value }] },
        })
    }
}

impl<'de> Deserialize<'de> for FieldValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = FieldValues;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<FieldValues, E> {
                FieldValue::from_text(text).map(|value| FieldValues(vec![value])).map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<FieldValues, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                Ok(FieldValues(values))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

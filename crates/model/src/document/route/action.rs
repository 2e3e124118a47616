use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::{
    FromText, TextOr,
    values::{Count, FieldName, FieldValue, MethodName, Pattern, RedirectStatus, ServerName, Status},
};

/// Sends the client elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// Where to: a path, or an address with its scheme. Names that the route's path captures stand in `{}`, as in
    /// `/new{rest}`. Without it, the client is sent to what it asked for, but for the parts that are given:
    pub to: Option<String>,
    /// `https` or `http`. Default: that of the request.
    pub scheme: Option<Scheme>,
    /// The host, without port. Default: that of the request.
    pub host: Option<ServerName>,
    /// The port. Default: that of the request, or that of the scheme if `scheme` or `host` is given.
    pub port: Option<Count<1, 65535>>,
    /// The path, as in `rewrite`. Default: that of the request.
    #[schemars(with = "Option<NewPathShortOrLong>")]
    pub path: Option<TextOr<NewPath>>,
    /// Whether the query goes along. Default: `keep`.
    #[serde(default)]
    pub query: RedirectQuery,
    /// 301, 302, 303, 307 or 308. Default: 302.
    pub status: Option<RedirectStatus>,
}

/// An answer without an upstream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Respond {
    /// The status, from 200 to 599. Default: 200.
    pub status: Option<Status>,
    /// Header fields; for several of one name give a list. Names that the route's path captures stand in `{}`.
    #[serde(default)]
    pub headers: Fields,
    /// The body. Names that the route's path captures stand in `{}`, as in `{"id": "{id}"}`; other braces stand for
    /// themselves, and `{{id}}` for `{id}`. Default: empty.
    #[serde(default)]
    pub body: String,
}

/// Changes to the request before the upstream gets it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The new path. Names that the route's path captures stand in `{}`, as in `/internal/{id}`. The query stays, unless
    /// the new path holds a `?`.
    #[schemars(with = "Option<NewPathShortOrLong>")]
    pub path: Option<TextOr<NewPath>>,
    /// Changes to the query.
    pub query: Option<QueryEdits>,
    /// The new `Host`, with names in `{}` if need be, as in `{tenant}.internal`.
    pub host: Option<String>,
    /// The new method.
    pub method: Option<MethodName>,
}

/// A new path: a text with names in `{}`, or one of two ways to change a part of it.
#[derive(Debug, Clone)]
pub enum NewPath {
    Template(String),
    Regex { regex: Pattern, to: String },
    Prefix(String),
}

/// Changes to a query, in this order: remove, set, add. Other parameters stay as they are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryEdits {
    /// Parameters that are taken away.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Parameters that get a value instead of those that they have. Names that the route's path captures stand in `{}`.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Parameters that get a value beside those that they have, likewise.
    #[serde(default)]
    pub add: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    Http,
    Https,
}

/// What becomes of the query in a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedirectQuery {
    /// It goes along, unless the new path has its own.
    #[default]
    Keep,
    /// It is left out.
    Drop,
}

/// Header fields in the order written; those of one name follow each other.
#[derive(Debug, Clone, Default)]
pub struct Fields(pub Vec<(FieldName, FieldValue)>);

/// One value of a header field, or several.
struct FieldValues(Vec<FieldValue>);

// === impl NewPath ===

/// A part of the path, changed: `regex` with `to`, or `prefix`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPath")]
struct WrittenNewPath {
    /// A regular expression over the path. A path that it does not match stays as it is.
    regex: Option<Pattern>,
    /// The new path where `regex` matches. Its named groups stand in `{}`, beside what the route's path captures.
    to: Option<String>,
    /// What stands instead of the prefix by which the route matches.
    prefix: Option<String>,
}

impl FromText for NewPath {
    const EXPECTED: &'static str = "a path such as `/internal/{id}`, or a map with `regex` and `to`, or with `prefix`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self::Template(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for NewPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match WrittenNewPath::deserialize(deserializer)? {
            WrittenNewPath { regex: Some(regex), to: Some(to), prefix: None } => Ok(Self::Regex { regex, to }),
            WrittenNewPath { regex: None, to: None, prefix: Some(prefix) } => Ok(Self::Prefix(prefix)),
            _ => Err(de::Error::custom("expected either `regex` with `to`, or `prefix`")),
        }
    }
}

/// The schema of `TextOr<NewPath>`.
struct NewPathShortOrLong;

impl JsonSchema for NewPathShortOrLong {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "NewPathShortOrLong".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<WrittenNewPath>();
        json_schema!({ "anyOf": [{ "type": "string", "pattern": "^/" }, long] })
    }
}

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

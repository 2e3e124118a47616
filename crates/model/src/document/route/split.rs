use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, IntoDeserializer, MapAccess, SeqAccess, value::MapAccessDeserializer},
};

use super::{FieldMatch, HeaderMatch};
use crate::values::{FieldName, Name};

/// Shares requests out among several sides: a new version gets a few of them, then more.
///
/// The first of these that a request has decides: `force`, then a `cohort`, then a `sticky` key, then chance.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// What keeps a caller on one side: `client_ip`, `consumer`, `{ header: … }`, `{ cookie: … }` or `{ query: … }`; or a
    /// list, of which the first that a request has decides. Default: every request is left to chance.
    #[serde(default)]
    pub sticky: Sticky,
    /// Has the callers mixed anew, apart from other splits. Default: none, so that a caller gets to the side of the same
    /// name on every route where the shares are the same.
    pub salt: Option<String>,
    /// A field whose value names a side, for testers; other values count for nothing. Default: none.
    pub force: Option<Field>,
    /// A header of responses that names the side. Default: none.
    pub reveal: Option<Reveal>,
    /// The sides.
    pub to: Vec<Side>,
}

/// One of the places that a split sends requests to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// What logs and metrics call it. Default: the label `version`, or else the name of the upstream.
    pub name: Option<Name>,
    /// The name of the upstream.
    pub upstream: String,
    /// Labels that an endpoint must have, all of them, as in `{ version: v2 }`. Default: every endpoint will do.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its share of the requests, beside those of the others; with 0 it gets only those that `force` or its `cohort`
    /// bring. Default: 1.
    pub weight: Option<u32>,
    /// Whose requests it gets, whatever the weights say. Default: nobody's.
    pub cohort: Option<Cohort>,
}

/// Whose requests a side gets: all that is given must hold; of consumers and groups one is enough.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cohort {
    /// What header fields must hold.
    #[serde(default)]
    pub headers: Vec<HeaderMatch>,
    /// What cookies must hold.
    #[serde(default)]
    pub cookies: Vec<FieldMatch>,
    /// Names of consumers.
    #[serde(default)]
    pub consumers: Vec<String>,
    /// Names of groups that a consumer may be in.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A field of a request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// A header field.
    Header(FieldName),
    /// A parameter of the query.
    Query(String),
    /// A cookie.
    Cookie(String),
}

/// A header of responses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// Its name.
    pub header: FieldName,
}

/// What keeps a caller on one side, in the order in which it is looked for.
#[derive(Debug, Clone, Default)]
pub struct Sticky(pub Vec<StickyKey>);

/// What keeps a caller on one side.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StickyKey {
    /// The address of the client.
    ClientIp,
    /// Who calls, as a policy found out.
    Consumer,
    /// The value of a header field.
    Header(FieldName),
    /// The value of a parameter of the query.
    Query(String),
    /// The value of a cookie.
    Cookie(String),
}

// === impl Sticky ===

impl<'de> Deserialize<'de> for Sticky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Sticky;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key such as `client_ip` or `{ header: x-user-id }`, or a list of these")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Sticky, E> {
                StickyKey::deserialize(text.into_deserializer()).map(|key| Sticky(vec![key]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sticky, A::Error> {
                StickyKey::deserialize(MapAccessDeserializer::new(map)).map(|key| Sticky(vec![key]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sticky, A::Error> {
                let mut keys = Vec::new();
                while let Some(key) = items.next_element()? {
                    keys.push(key);
                }
                Ok(Sticky(keys))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Sticky {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Sticky".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let key = generator.subschema_for::<StickyKey>();
        json_schema!({ "anyOf": [key.clone(), { "type": "array", "items": key }] })
    }
}

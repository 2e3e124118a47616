use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, value::MapAccessDeserializer},
};

use crate::{
    FromText, TextOr,
    values::{Bytes, Count, Ratio},
};

/// Sends copies of requests to another upstream, and does nothing with its answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// The name of the upstream that gets the copies.
    pub upstream: String,
    /// Labels that an endpoint must have, all of them, as in `{ version: v2 }`. Default: every endpoint will do.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How many of the requests are copied, above `0%`. Default: `100%`.
    pub share: Option<Ratio>,
    /// How long a body may be; requests with a longer one are not copied. At most `16MiB`. Default: `64KiB`.
    pub body: Option<Bytes<0, { 16 << 20 }>>,
    /// How many copies may be under way at a time, for each worker; requests that come meanwhile are not copied. Times
    /// `body`, it bounds the memory that copies take. Default: 100.
    pub in_flight: Option<Count<1, 10_000>>,
}

/// A mirror or several, each by its upstream alone or in full.
#[derive(Debug, Default)]
pub struct Mirrors(pub Vec<Mirror>);

// === impl Mirror ===

impl FromText for Mirror {
    const EXPECTED: &'static str = "the name of an upstream, or a map with `upstream`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { upstream: text.to_owned(), labels: BTreeMap::new(), share: None, body: None, in_flight: None })
    }
}

// === impl Mirrors ===

impl<'de> Deserialize<'de> for Mirrors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Mirrors;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}, or a list of these", Mirror::EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mirrors, E> {
                Mirror::from_text(text).map(|mirror| Mirrors(vec![mirror])).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mirrors, A::Error> {
                Mirror::deserialize(MapAccessDeserializer::new(map)).map(|mirror| Mirrors(vec![mirror]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Mirrors, A::Error> {
                let mut mirrors = Vec::new();
                while let Some(TextOr(mirror)) = items.next_element()? {
                    mirrors.push(mirror);
                }
                Ok(Mirrors(mirrors))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Mirrors {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Mirrors".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (name, mirror) = (json_schema!({ "type": "string" }), generator.subschema_for::<Mirror>());
        let items = json_schema!({ "anyOf": [name, mirror] });
        json_schema!({ "anyOf": [name, mirror, { "type": "array", "items": items }] })
    }
}

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::FromText;

/// Who gets the request: an upstream, or those of its endpoints that have some labels.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The name of the upstream.
    pub name: String,
    /// Labels that an endpoint must have, all of them, as in `{ version: v2 }`. Default: every endpoint will do.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

// === impl Destination ===

impl FromText for Destination {
    const EXPECTED: &'static str = "the name of an upstream, or a map with `name` and `labels`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { name: text.to_owned(), labels: BTreeMap::new() })
    }
}

/// The schema of `TextOr<Destination>`.
pub(super) struct ShortOrLong;

impl JsonSchema for ShortOrLong {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DestinationShortOrLong".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<Destination>()] })
    }
}

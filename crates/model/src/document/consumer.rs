use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    FromText, TextOr,
    values::{DateOrTime, GroupName, Name, SecretHash},
};

/// Somebody who calls, and how it is known who that is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// What cohorts, logs and endpoints call it.
    pub name: Name,
    /// What it has in common with others: cohorts may ask for a group, and endpoints are told.
    #[serde(default)]
    pub groups: Vec<GroupName>,
    /// What it shows; several, so that a new one can be handed out while the old one still holds. Default: none, for one that
    /// stands for those who show nothing.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// What operators want to know of it, for example `{ team: web }`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Something that shows who calls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// A key, as policies `key_auth` look for it.
    #[schemars(with = "ApiKey")]
    pub key: TextOr<ApiKey>,
    /// What operators call it. Default: the first eight digits of the hash.
    pub id: Option<Name>,
    /// When it was made; for operators.
    pub created: Option<DateOrTime>,
    /// From when on it shows nothing any more. Default: never.
    pub not_after: Option<DateOrTime>,
}

/// A key. The document does not hold the key itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Its hash.
    pub hash: SecretHash,
}

// === impl ApiKey ===

impl FromText for ApiKey {
    const EXPECTED: &'static str = "a map with `hash`";

    /// The text may be the key, and is not repeated.
    fn from_text(_: &str) -> Result<Self, String> {
        let hint = "write `{ hash: \"blake3:…\" }`, with what `printf %s \"$KEY\" | b3sum` prints";
        Err(format!("a document does not hold keys; {hint}"))
    }
}

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{DateOrTime, FieldName, Link, MediaTypeVersion, Name};

/// Sends each request to the version of an API that it asks for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// Where a request says which version it wants; the first of these that it has decides.
    pub from: Vec<VersionSource>,
    /// The version of requests that ask for none. Default: none, and such a request is refused.
    pub default: Option<String>,
    /// The versions that there are.
    pub known: Vec<ApiVersion>,
}

/// Where a request says which version it wants.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionSource {
    /// The value of a header field.
    Header(FieldName),
    /// The value of a parameter of the query.
    Query(String),
    /// A parameter of a media type in `Accept`; or, with `{version}` in it, the media type itself.
    MediaType(MediaTypeVersion),
    /// What the path of the route captures under this name.
    Path(String),
}

/// A version of an API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiVersion {
    /// What requests, logs and metrics call it.
    pub name: Name,
    /// The name of the upstream.
    pub upstream: String,
    /// Labels that an endpoint must have, all of them, as in `{ version: v2 }`. Default: every endpoint will do.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Since when it should not be used any more; responses say so in `Deprecation`. Default: never.
    pub deprecated: Option<DateOrTime>,
    /// When it ends: responses say so in `Sunset`, and from then on requests are refused with 410. Default: never.
    pub sunset: Option<DateOrTime>,
    /// A page about it for those who have to change; stands in `Link` beside `Deprecation` and `Sunset`. Default: none.
    pub link: Option<Link>,
}

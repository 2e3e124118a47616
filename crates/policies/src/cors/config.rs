//! Settings of `cors`, and what no type can rule out.

use std::borrow::Cow;

use http::Method;
use model::{Place, Report, values::Duration};
use schemars::JsonSchema;
use serde::Deserialize;

use super::origin::Pattern;
use crate::common::{Name, OneOrMany, text_schema};

/// Settings of `cors`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "cors")]
pub(crate) struct Config {
    /// Who may call: `https://a.example`, `https://*.example.org` (one or more labels), `http://localhost:*` (any
    /// port), or `*` for everybody.
    pub(super) origins: OneOrMany<Pattern>,
    /// The methods that may be used; `*` for all. Left out: GET, HEAD and POST, which the standard always allows.
    #[serde(default = "safelisted_methods")]
    pub(super) methods: OneOrMany<MethodName>,
    /// The request headers that may be sent; `*` for all. Browsers want `authorization` to be named even then, unless
    /// `credentials` is on.
    #[serde(default)]
    pub(super) headers: OneOrMany<Name>,
    /// The response headers that scripts may read, beside the few that they always may; `*` for all.
    #[serde(default)]
    pub(super) expose: OneOrMany<Name>,
    /// Whether cookies, client certificates and HTTP authentication may be sent along. Left out: no.
    #[serde(default)]
    pub(super) credentials: bool,
    /// How long a browser may remember the answer to a preflight. Left out: five seconds, by the standard.
    #[serde(default)]
    pub(super) max_age: Option<Duration>,
    /// Whether pages from public networks may call this gateway although it is in a private one. Left out: no.
    #[serde(default)]
    pub(super) private_network: bool,
}

/// A method; case matters (RFC 9110, 9.1).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct MethodName(pub(super) Method);

text_schema!(MethodName, { "examples": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "*"] });

// === impl Config ===

impl Config {
    pub(super) fn allows_any_origin(&self) -> bool {
        self.origins.0.contains(&Pattern::Any)
    }

    pub(super) fn check(&self, place: &Place, report: &mut Report) {
        if self.origins.0.is_empty() {
            report.error_with_hint(
                place,
                "`cors` without origins allows nobody",
                "name them, or write `*` for everybody",
            );
        }
        if self.allows_any_origin() && self.origins.0.len() > 1 {
            report.warning(place, "`*` in `origins` allows every origin; the others beside it say nothing");
        }
        if self.credentials {
            self.check_credentials(place, report);
        }
        if self.max_age.is_some_and(|age| age.subsec_nanos() > 0) {
            report.error_with_hint(place, "`max_age` is not in whole seconds", "write `10m`, for example");
        }
    }

    /// With credentials an answer that holds for everybody would let every site act in the user's name.
    fn check_credentials(&self, place: &Place, report: &mut Report) {
        if self.allows_any_origin() {
            report.error_with_hint(
                place,
                "`credentials` together with the origin `*` would let every site act in its visitors' names",
                "name the origins, as in `https://*.example.org`, or leave `credentials` out",
            );
        }
        if self.origins.0.contains(&Pattern::Null) {
            report.error_with_hint(
                place,
                "`credentials` together with the origin `null` would let every site act in its visitors' names",
                "name the origins: any page can make a frame whose origin is `null`",
            );
        }
        if self.expose.0.iter().any(is_wildcard) {
            report.error_with_hint(
                place,
                "`*` in `expose` means nothing to browsers when `credentials` is on",
                "name the headers that scripts may read",
            );
        }
    }
}

pub(super) fn is_wildcard(name: &Name) -> bool {
    name.0 == "*"
}

/// Always allowed by the standard (Fetch, 2.2.1), whatever the list says.
fn safelisted_methods() -> OneOrMany<MethodName> {
    OneOrMany([Method::GET, Method::HEAD, Method::POST].map(MethodName).into())
}

// === impl MethodName ===

impl TryFrom<String> for MethodName {
    type Error = Cow<'static, str>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let Ok(method) = Method::from_bytes(text.as_bytes()) else {
            return Err(format!("`{text}` is no method; write `GET`, for example, or `*` for all").into());
        };
        let upper = text.to_ascii_uppercase();
        match upper != text {
            true => {
                Err(format!("methods are case-sensitive, and `{text}` is none that anybody uses; write `{upper}`")
                    .into())
            }
            false => Ok(Self(method)),
        }
    }
}

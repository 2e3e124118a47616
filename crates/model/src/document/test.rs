use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::Fields;
use crate::values::{IpAddress, MethodName, Moment, Status};

/// A request, and what is expected to become of it. Run whenever the document is checked; nothing is sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What problems call it: any text.
    pub name: String,
    /// The request.
    pub request: TestRequest,
    /// What is expected; only what is given is looked at.
    pub expect: Expect,
}

/// A request, as a client would send it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// The method. Default: `GET`.
    pub method: Option<MethodName>,
    /// The URL, as in `http://api.example.com/users/7?q=1`; with `https` it arrives on a listener with TLS. A path alone
    /// asks for the host of the header field `host`, or else for `localhost`.
    pub url: String,
    /// Header fields; for several of one name give a list.
    #[serde(default)]
    pub headers: Fields,
    /// Where the connection comes from; `X-Forwarded-For` counts if that is one of `gateway.trusted_proxies`. Default:
    /// nobody known.
    pub client_ip: Option<IpAddress>,
    /// The name of the listener that it arrives on. Default: the first that speaks what the URL says.
    pub listener: Option<String>,
    /// The name that the client asks for in the TLS handshake. Default: the host of the URL, if the listener has TLS.
    pub sni: Option<String>,
    /// When it arrives. Default: now.
    pub at: Option<Moment>,
}

/// What is expected to become of a request. Policies are not run: what they would answer by themselves, or change in an
/// answer, is not seen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The name of the route that takes it; `null`: no route does.
    #[serde(default)]
    pub route: ExpectedRoute,
    /// The name of the upstream that gets it.
    pub upstream: Option<String>,
    /// The path that the upstream gets, after rewriting; with the query if a `?` is in it.
    pub path: Option<String>,
    /// The status of an answer that the gateway makes without an upstream.
    pub status: Option<Status>,
    /// Header fields of an answer that a `redirect` or `respond` makes; for several of one name give a list.
    #[serde(default)]
    pub headers: Fields,
    /// Why it is refused: one of the [causes](errors.md), such as `invalid_path` or `no_route`.
    pub cause: Option<String>,
}

/// The name of a route, or `null` for none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ExpectedRoute {
    /// Nothing is expected.
    #[default]
    Any,
    None,
    Named(String),
}

// === impl ExpectedRoute ===

impl<'de> Deserialize<'de> for ExpectedRoute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ExpectedRoute;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a route, or `null` for none")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ExpectedRoute, E> {
                Ok(ExpectedRoute::Named(text.to_owned()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<ExpectedRoute, E> {
                Ok(ExpectedRoute::None)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for ExpectedRoute {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ExpectedRoute".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "const": null }] })
    }
}

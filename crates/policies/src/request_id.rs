//! Tells the exchange's id to the upstream and to the client.

use http::HeaderName;
use message::{Exchange, Response};
use policy::{BuildError, Manual, Policy, PolicyKind, Site, Stage, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::{EditableName, set, step};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) struct RequestId {
    header: HeaderName,
    response: bool,
}

/// Settings of `request_id`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "request_id")]
pub(crate) struct Config {
    /// The field that carries the id. Left out: `x-request-id`. An id that a trusted proxy sent is always taken from
    /// `x-request-id`.
    header: EditableName,
    /// Whether the client is told the id as well. Left out: yes.
    response: bool,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self { header: EditableName(X_REQUEST_ID), response: true }
    }
}

// === impl RequestId ===

impl PolicyKind for RequestId {
    const NAME: &'static str = "request_id";
    const STAGE: Stage = Stage::Identify;
    type Config = Config;
    type Policy = Self;

    fn manual() -> Manual {
        Manual {
            summary: "tells the id of the exchange to the upstream and to the client",
            description: "Every exchange has an id; the access log and the gateway's own replies hold it. This policy \
                          sends it along, so that a line in a service's log, or what a user reports, leads to the \
                          exchange.\n\n\
                          The id is a UUID of version 7, and thus sorts by time. One that a trusted proxy sent in \
                          `x-request-id` is kept; anybody else's is replaced, because it would end up in logs \
                          unchecked.",
            example: "request_id:\n  header: x-request-id\n  response: true\n",
        }
    }

    fn build(config: Config, _: &Site<'_>) -> Result<Self, BuildError> {
        Ok(Self { header: config.header.0, response: config.response })
    }
}

impl Policy for RequestId {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let id = exchange.request_id();
        if self.header != X_REQUEST_ID && !exchange.peer.trusted {
            // A service that knows both fields must not find a stranger's id in one of them.
            exchange.head.headers.remove(X_REQUEST_ID);
        }
        step(set(&mut exchange.head.headers, &self.header, id))
    }

    fn on_response<'a>(&'a self, exchange: &'a mut Exchange, response: &'a mut Response) -> Step<'a> {
        if !self.response {
            return Step::Continue;
        }
        step(set(response.headers_mut(), &self.header, exchange.request_id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, check, exchange, exchange_from, line, response, run};

    #[test]
    fn a_stranger_gets_a_new_id_and_hears_it() {
        let policy = build::<RequestId>("{}");
        let mut exchange = exchange("GET", &[("x-request-id", "mine")]);
        let mut response = response(200, &[("x-request-id", "the upstream's")], bytes::Bytes::new());
        run(&*policy, &mut exchange, &mut response);
        let id = exchange.request_id().to_str().unwrap().to_owned();
        assert_eq!(id.len(), 36);
        assert_eq!(line(&exchange.head.headers, "x-request-id"), id);
        assert_eq!(line(response.headers(), "x-request-id"), id);
    }

    #[test]
    fn a_trusted_proxys_id_is_kept() {
        let policy = build::<RequestId>("{}");
        let mut exchange = exchange_from("GET", &[("x-request-id", "given")], true);
        let mut response = response(200, &[], bytes::Bytes::new());
        run(&*policy, &mut exchange, &mut response);
        assert_eq!(line(&exchange.head.headers, "x-request-id"), "given");
        assert_eq!(line(response.headers(), "x-request-id"), "given");
    }

    #[test]
    fn another_header_and_no_echo() {
        let policy = build::<RequestId>("{ header: X-Correlation-Id, response: false }");
        let mut exchange = exchange("GET", &[("x-request-id", "mine"), ("x-correlation-id", "mine")]);
        let mut response = response(200, &[], bytes::Bytes::new());
        run(&*policy, &mut exchange, &mut response);
        let id = exchange.request_id();
        assert_eq!(exchange.head.headers["x-correlation-id"], id);
        assert!(!exchange.head.headers.contains_key("x-request-id"));
        assert!(response.headers().is_empty());
    }

    #[test]
    fn settings() {
        assert_eq!(
            check::<RequestId>("header: host\nresponse: maybe"),
            [
                "1:9: error: `host` cannot be changed by a policy: it says where the request goes; set `rewrite.host` of \
                 the route, or `host` of the upstream",
                "2:11: error: expected `true` or `false`, found the text `maybe`",
            ]
        );
    }
}

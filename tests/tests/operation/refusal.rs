//! How a refusal looks, whatever it refuses.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use message::Cause;
use testkit::{
    client::Answer,
    wire::{self, Wire},
};
use tokio::io::AsyncWriteExt as _;

/// A response, whichever client read it.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    fields: HeaderMap,
    body: Vec<u8>,
}

// === impl Refusal ===

impl From<Answer> for Refusal {
    fn from(answer: Answer) -> Self {
        Self { status: answer.status, fields: answer.headers, body: answer.body.to_vec() }
    }
}

impl From<wire::Response> for Refusal {
    fn from(response: wire::Response) -> Self {
        let fields = response.fields.0.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a field name");
            (name, HeaderValue::from_str(value).expect("a field value"))
        });
        let status = StatusCode::from_u16(response.status).expect("a status");
        Self { status, fields: fields.collect(), body: response.body }
    }
}

impl Refusal {
    /// Reads everything that came on a connection, which must be one response.
    pub(crate) async fn parse(octets: &[u8]) -> Self {
        let (mut sender, receiver) = tokio::io::duplex(octets.len().max(1));
        sender.write_all(octets).await.expect("room for all");
        drop(sender);
        let mut wire = Wire::over(receiver);
        let response = wire.response().await.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(wire.until_close().await.expect("an end"), b"", "something follows the response");
        response.into()
    }

    /// Everything in it says the same: status, problem (RFC 9457), `Proxy-Status` (RFC 9209), request id.
    #[track_caller]
    pub(crate) fn is_problem(&self, cause: Cause, what: &str) {
        let body = String::from_utf8_lossy(&self.body);
        let told = format!("{what}: {} {:?} {body}", self.status, self.fields);
        assert_eq!(self.status, cause.status(), "{told}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{told}");
        let problem: serde_json::Value =
            serde_json::from_str(&body).unwrap_or_else(|error| panic!("{told}: no JSON: {error}"));
        assert_eq!(problem["cause"], cause.name(), "{told}");
        assert_eq!(problem["status"], cause.status().as_u16(), "{told}");
        assert_eq!(problem["title"], cause.title(), "{told}");
        assert!(problem["type"].as_str().is_some_and(|kind| kind.ends_with(cause.name())), "{told}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{told}");
        let id = problem["request_id"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && self.field("x-request-id") == Some(id), "{told}");
        self.names_in_proxy_status(cause, &told);
    }

    /// Trailers-Only, with the same words.
    #[track_caller]
    pub(crate) fn is_grpc(&self, cause: Cause, what: &str) {
        let told = format!("{what}: {} {:?} {:?}", self.status, self.fields, self.body);
        assert_eq!(self.status, StatusCode::OK, "{told}");
        assert_eq!(self.field("content-type"), Some("application/grpc"), "{told}");
        assert_eq!(self.field("grpc-status"), Some(&*cause.grpc_status().to_string()), "{told}");
        let message = self.field("grpc-message").unwrap_or_default();
        assert!(message.starts_with(&format!("{cause}: ")), "{told}");
        assert!(self.body.is_empty() && self.field("x-request-id").is_some(), "{told}");
        self.names_in_proxy_status(cause, &told);
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.to_str().expect("a field of text"))
    }

    #[track_caller]
    fn names_in_proxy_status(&self, cause: Cause, told: &str) {
        let proxy_status = self.field("proxy-status").unwrap_or_default();
        let expected = format!("sluice; error={}; details=\"{cause}\"", cause.proxy_status());
        assert_eq!(proxy_status, expected, "{told}");
    }
}

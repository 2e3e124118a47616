//! Errors as RFC 9457 wants them.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

/// What went wrong with a request to the admin address. Its type is `about:blank`: the status says it all.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    further: Map<String, Value>,
}

// === impl Problem ===

impl Problem {
    /// `detail` is for people: what was seen and what to do, in lower case.
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), further: Map::new() }
    }

    /// With a further member (RFC 9457, 3.2), for programs. What has no form in JSON is told as `null`.
    pub(crate) fn with(mut self, name: &'static str, value: impl Serialize) -> Self {
        self.further.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, detail, further: mut body } = self;
        body.insert("type".to_owned(), "about:blank".into());
        body.insert("title".to_owned(), status.canonical_reason().into());
        body.insert("status".to_owned(), status.as_u16().into());
        body.insert("detail".to_owned(), detail.into());
        let body = Value::Object(body).to_string();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

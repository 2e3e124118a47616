use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

/// What went wrong with a request (RFC 9457). Its type is `about:blank`: the status says it all.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    further: Map<String, Value>,
}

// === impl Problem ===

impl Problem {
    /// `detail` is for people: what was seen and what to do, in lower case.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), further: Map::new() }
    }

    /// With a further member (RFC 9457, 3.2), for programs. What has no form in JSON is told as `null`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Serialize) -> Self {
        self.further.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn further_members_stand_beside_those_of_the_standard() {
        let problem = Problem::new(StatusCode::CONFLICT, "it is there").with("owner", ["file"]).with("status", 7);
        let response = problem.into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1024).await.unwrap()).unwrap();
        let expected = json!({
            "type": "about:blank", "title": "Conflict", "status": 409, "detail": "it is there", "owner": ["file"],
        });
        assert_eq!(body, expected);
    }
}

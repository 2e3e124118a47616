//! Somebody who asks at the admin address.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;
use testkit::{
    body,
    client::{Answer, Client, request},
    gateway::Process,
};

/// Whoever shows this token there.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    address: SocketAddr,
    token: String,
}

// === impl Operator ===

impl Operator {
    /// Shows the admin token that the gateway made.
    pub(crate) fn of(gateway: &Process) -> Self {
        Self::with(gateway, &gateway.token())
    }

    pub(crate) fn with(gateway: &Process, token: &str) -> Self {
        Self { address: gateway.admin(), token: token.to_owned() }
    }

    /// `path` is one below `/api/v1`; a `body` that is null is none.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.ask_with(method, path, &[], body).await
    }

    /// The same with further fields.
    pub(crate) async fn ask_with(&self, method: Method, path: &str, fields: &[(&str, &str)], body: &Value) -> Answer {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        self.send(method, path, fields, body).await
    }

    /// The same with any body.
    pub(crate) async fn send(&self, method: Method, path: &str, fields: &[(&str, &str)], body: Bytes) -> Answer {
        let mut asked = request(method, &format!("/api/v1{path}"));
        if !body.is_empty() {
            *asked.body_mut() = body::full(body);
            asked.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let credentials = format!("Bearer {}", self.token);
        for (name, value) in fields.iter().chain([&("authorization", &*credentials)]) {
            let name: HeaderName = name.parse().expect("a field name");
            asked.headers_mut().append(name, HeaderValue::from_str(value).expect("a field value"));
        }
        Client::http1(self.address).await.fetch(asked).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// Asks for what must go well, and gives what is told.
    #[track_caller]
    pub(crate) fn done(&self, method: Method, path: &str, body: Value) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.ask(method.clone(), path, &body).await;
            assert!(answer.status.is_success(), "{method} {path} at {place}: {} {}", answer.status, answer.text());
            answer.json()
        }
    }
}

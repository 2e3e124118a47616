use std::{
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use serde_json::{Value, json};

use super::{MOST_BYTES, secrets};

/// What was read of the body of a request.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// Up to [`MOST_BYTES`].
    bytes: Vec<u8>,
    /// Of all that came.
    length: u64,
}

/// A body that somebody listens to.
struct Heeded {
    body: Body,
    asked: Asked,
}

// === impl Asked ===

impl Asked {
    /// The request with a body that is listened to.
    pub(super) fn listen(request: Request) -> (Request, Self) {
        let asked = Self::default();
        let heeded = |body| Body::new(Heeded { body, asked: asked.clone() });
        (request.map(heeded), asked)
    }

    /// What was asked; `None` if nothing came.
    pub(super) fn told(&self) -> Option<Value> {
        let heard = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if heard.length == 0 {
            return None;
        }
        let whole = heard.length == heard.bytes.len() as u64;
        let value = whole.then(|| serde_json::from_slice(&heard.bytes).ok()).flatten();
        Some(value.map_or_else(|| json!({ "bytes": heard.length }), secrets::without))
    }

    fn hear(&self, data: &Bytes) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST_BYTES - heard.bytes.len();
        heard.bytes.extend_from_slice(&data[..data.len().min(room)]);
        heard.length += data.len() as u64;
    }
}

// === impl Heeded ===

impl HttpBody for Heeded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.asked.hear(data);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn told(body: impl Into<Body>) -> Option<Value> {
        let (request, asked) = Asked::listen(Request::new(body.into()));
        _ = to_bytes(request.into_body(), usize::MAX).await;
        asked.told()
    }

    #[tokio::test]
    async fn what_is_short_and_json_is_told() {
        assert_eq!(told("").await, None);
        assert_eq!(told(r#"{"name":"a","token":"b"}"#).await, Some(json!({ "name": "a", "token": "[redacted]" })));
        assert_eq!(told("token=abc").await, Some(json!({ "bytes": 9 })));
        let long = format!("\"{}\"", "a".repeat(MOST_BYTES));
        assert_eq!(told(long).await, Some(json!({ "bytes": MOST_BYTES + 2 })));
    }
}

//! Bodies, whole and bounded: nothing is registered by halves, and whoever sends slowly keeps no seat.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use listen::Problem;
use tokio::time::timeout;

/// Of a body. An instance as large as the limits allow fits in, in whatever dialect.
const BYTES: usize = 256 * 1024;
/// From the end of the head to the end of the body.
const TIME: Duration = Duration::from_secs(10);

pub(super) async fn bound(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let bytes = match timeout(TIME, to_bytes(body, BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            let is_long =
                std::error::Error::source(&error).is_some_and(|error| error.is::<http_body_util::LengthLimitError>());
            let (status, detail) = match is_long {
                true => (StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {BYTES} bytes")),
                false => (StatusCode::BAD_REQUEST, "the body ended before its end".to_owned()),
            };
            return Problem::new(status, detail).into_response();
        }
        Err(_) => {
            return Problem::new(StatusCode::REQUEST_TIMEOUT, format!("the body took longer than {TIME:?}"))
                .into_response();
        }
    };
    next.run(Request::from_parts(head, Body::from(bytes))).await
}

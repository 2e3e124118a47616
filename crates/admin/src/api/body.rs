//! What is asked with.

use axum::{body::Bytes, extract::rejection::BytesRejection};
use http::StatusCode;

use super::BODY_BYTES;
use crate::problem::Problem;

/// The bytes of a body, whatever its media type is called. `what` it is, for people.
pub(super) fn read(body: Result<Bytes, BytesRejection>, what: &str) -> Result<Bytes, Problem> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{what} has at most {BODY_BYTES} bytes"))
        }
        status => Problem::new(status, rejection.body_text()),
    })
}

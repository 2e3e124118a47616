//! `slow`: answers when the caller said.

use std::{io, time::Duration};

use http::{Request, StatusCode};
use serde_json::json;

use crate::{reply, service::Service};

const DEFAULT_MS: u64 = 1_000;
const LONGEST_MS: u64 = 600_000;

/// Starts a service that waits `?ms=` milliseconds before it answers; one second when nothing is asked for.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn slow() -> io::Result<Service> {
    Service::start("slow", |request: Request<_>, _| {
        let wait = requested_ms(request.uri().query().unwrap_or_default()).min(LONGEST_MS);
        async move {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            reply::json(StatusCode::OK, &json!({ "service": "slow", "waited_ms": wait }))
        }
    })
    .await
}

fn requested_ms(query: &str) -> u64 {
    query.split('&').find_map(|pair| pair.strip_prefix("ms=")?.parse().ok()).unwrap_or(DEFAULT_MS)
}

//! `flaky`: fails at a known rate.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::StatusCode;
use serde_json::json;

use crate::{reply, service::Service};

/// Starts a service of which every `every`-th answer is a 503; 0 never fails, 1 always does.
///
/// It counts instead of rolling dice: who tries retries or a breaker wants to know what to expect.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn flaky(every: u64) -> io::Result<Service> {
    let count = Arc::new(AtomicU64::new(0));
    Service::start("flaky", move |_, _| {
        let request = count.fetch_add(1, Ordering::Relaxed) + 1;
        let failed = every != 0 && request.is_multiple_of(every);
        let status = if failed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        async move { reply::json(status, &json!({ "service": "flaky", "request": request, "failed": failed })) }
    })
    .await
}

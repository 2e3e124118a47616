//! `events`: server-sent events, one tick each interval.

use std::{convert::Infallible, io, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, channel::Channel};

use crate::{reply, scope::Scope, service::Service};

/// Starts a service that streams `text/event-stream` (HTML standard, section 9.2): the first tick at once, then one
/// each `interval`, until the caller leaves or `?count=` ticks are sent.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn events(interval: Duration) -> io::Result<Service> {
    Service::start("events", move |request: Request<_>, scope: Scope| {
        let count = requested_count(request.uri().query().unwrap_or_default());
        let (sender, body) = Channel::<Bytes, Infallible>::new(1);
        scope.spawn(tick(sender, interval, count));
        let mut reply = reply::with_type(StatusCode::OK, "text/event-stream", body.boxed());
        reply.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
        async move { reply }
    })
    .await
}

async fn tick(mut sender: http_body_util::channel::Sender<Bytes>, interval: Duration, count: u64) {
    let mut clock = tokio::time::interval(interval);
    for id in 1..=count {
        clock.tick().await;
        let event = format!("id: {id}\nevent: tick\ndata: {{\"tick\":{id}}}\n\n");
        if sender.send_data(event.into()).await.is_err() {
            return;
        }
    }
}

fn requested_count(query: &str) -> u64 {
    query.split('&').find_map(|pair| pair.strip_prefix("count=")?.parse().ok()).unwrap_or(u64::MAX)
}

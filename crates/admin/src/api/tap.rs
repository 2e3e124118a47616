//! `GET /api/v1/tap`: requests as they end, a line of JSON each.

use std::{
    pin::Pin,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::{Body as HttpBody, Frame};
use serde_json::json;
use telemetry::flight::Flight;
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep};

use super::{
    call::Call,
    parameters::{duration, filter},
    query::bad,
    requests::is_recording,
};
use crate::Tap;
use listen::Problem;

/// A connection to the admin address lasts no longer than a minute; whoever wants more asks again.
const LONGEST: Duration = Duration::from_secs(50);

/// The body of the answer.
struct Telling {
    tap: Tap,
    /// As server-sent events.
    is_events: bool,
    /// What of `dropped` has been told.
    told_dropped: u64,
    until: Pin<Box<Sleep>>,
    tick: Interval,
    is_over: bool,
}

/// A request per line, until the time is up or whoever asked leaves.
pub(super) async fn tap(call: Call) -> Result<Response, Problem> {
    is_recording(&call.api)?;
    let rate = u32::try_from(call.query.count("rate")).unwrap_or(u32::MAX);
    let lasts = duration(&call.query, "for")?.unwrap_or(LONGEST);
    if lasts > LONGEST {
        return Err(bad(format!("`for` is at most {LONGEST:?}; ask again for more")));
    }
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/event-stream"));
    let is_events = call.headers.get_all(header::ACCEPT).iter().any(accepts);
    let Some(tap) = call.api.gateway.tap(filter(&call.query)?, rate) else {
        return Err(bad("requests are not recorded".to_owned()));
    };
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let telling = Telling { tap, is_events, told_dropped: 0, until: Box::pin(sleep(lasts)), tick, is_over: false };
    let kind = if is_events { "text/event-stream" } else { "application/x-ndjson" };
    Ok(([(header::CONTENT_TYPE, kind)], Body::new(telling)).into_response())
}

// === impl Telling ===

impl Telling {
    fn line(&self, line: &str) -> Frame<Bytes> {
        let text = if self.is_events { format!("data: {line}\n\n") } else { format!("{line}\n") };
        Frame::data(text.into())
    }

    /// How many were dropped since that was last told.
    fn dropped(&mut self) -> Option<Frame<Bytes>> {
        let dropped = self.tap.dropped.load(Relaxed);
        let new = dropped - std::mem::replace(&mut self.told_dropped, dropped);
        (new > 0).then(|| self.line(&json!({ "dropped": new }).to_string()))
    }
}

impl HttpBody for Telling {
    type Data = Bytes;
    type Error = serde_json::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, serde_json::Error>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        if this.until.as_mut().poll(context).is_ready() {
            this.is_over = true;
            return Poll::Ready(this.dropped().map(Ok));
        }
        if let Poll::Ready(Some(slot)) = this.tap.records.poll_recv(context) {
            return Poll::Ready(Some(serde_json::to_string(&Flight::of(&slot)).map(|line| this.line(&line))));
        }
        // Also a sign of life, for those who wait for the first.
        if this.tick.poll_tick(context).is_ready() {
            let idle = if this.is_events { ": \n\n" } else { "\n" };
            let frame = this.dropped().unwrap_or_else(|| Frame::data(Bytes::from_static(idle.as_bytes())));
            return Poll::Ready(Some(Ok(frame)));
        }
        Poll::Pending
    }
}

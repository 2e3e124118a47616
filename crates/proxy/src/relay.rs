//! Bodies both ways: nothing is held back, everything is counted, nobody may stall for ever.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use message::{Body, Cause, Error, Exchange, Response, Result, Upload};

use crate::{
    connection::{Alarm, Connection},
    exchange::{Ending, debug},
    forward::tunnel,
};

/// The body of a response on its way to the client. With its last byte, the exchange is finished.
pub(crate) struct Relay {
    body: Body,
    /// `None`: finished, or a tunnel took it over.
    ending: Option<Box<Ending>>,
    waiting_since: Option<Instant>,
    /// Why nothing more comes, while what came is written out.
    broken: Option<Error>,
}

/// The body of a request on its way to an endpoint.
struct UploadRelay {
    body: Body,
    upload: Rc<Upload>,
    limit: Option<u64>,
    stall_timeout: Duration,
    waiting_since: Option<Instant>,
    alarm: Alarm,
}

/// Hands the response over to the codec. An upgrade becomes a tunnel; everything else is relayed.
pub(crate) fn respond(mut ending: Box<Ending>, response: Response) -> http::Response<Relay> {
    let (mut head, mut body) = response.into_parts();
    if ending.exchange.is_head_only() && !body.is_empty() {
        leave_out(&mut body, &mut head.headers);
    }
    if ending.link.is_none() && awaits_continue(&ending) {
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    ending.respond(head.status);
    if ending.is_debugged {
        debug::tell(&mut head.headers, &mut ending);
    }
    let tunnel = ending.link.as_mut().and_then(|link| link.tunnel.take());
    let ending = match tunnel {
        Some(ends) => {
            tunnel::start(ends, ending);
            None
        }
        None => Some(ending),
    };
    http::Response::from_parts(head, Relay { body, ending, waiting_since: None, broken: None })
}

/// Takes away the body of a response to HEAD; its length stays. The codec of HTTP/2 does not do so by itself.
fn leave_out(body: &mut Body, headers: &mut HeaderMap) {
    if let Some(length) = body.take().size_hint().exact() {
        headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
}

/// Whether an HTTP/1.1 client waits for leave to send its body. If it gets an answer instead, it may send the body or
/// not; only a close tells what comes next on the connection (RFC 9110, 10.1.1).
fn awaits_continue(ending: &Ending) -> bool {
    let Exchange { upload, expects_continue, .. } = &ending.exchange;
    let unread = upload.as_ref().is_some_and(|upload| upload.received() == 0 && !upload.is_complete());
    unread && ending.connection.is_http1 && *expects_continue
}

/// The body of a request, bounded in size and patience.
pub(crate) fn request_body(incoming: Incoming, upload: &Rc<Upload>, connection: &Connection) -> Body {
    Body::stream(UploadRelay {
        body: Body::from_client(incoming),
        upload: upload.clone(),
        limit: connection.limits.body_bytes,
        stall_timeout: connection.limits.stall_timeout,
        waiting_since: None,
        alarm: Alarm::default(),
    })
}

/// Reads the whole body of a request, for policies that must see it.
///
/// # Errors
/// [`Cause::BodyTooLarge`] beyond `limit` bytes, and whatever the body fails with.
pub(crate) async fn buffer_request(exchange: &mut Exchange, limit: u64) -> Result<()> {
    if exchange.body.is_empty() {
        return Ok(());
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let collected =
        Limited::new(exchange.body.take(), limit).collect().await.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(_) => {
                Error::new(Cause::BodyTooLarge, format!("the body exceeds {limit} bytes, which a policy can read"))
            }
        })?;
    exchange.body = match collected.trailers() {
        None => Body::from(collected.to_bytes()),
        Some(_) => Body::stream(collected.map_err(|never| match never {})),
    };
    Ok(())
}

/// Reads what is at hand of a body that nobody wants, so that its connection can be used again; the rest is let go.
pub(crate) fn discard(mut body: Body) {
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(_))) = Pin::new(&mut body).poll_frame(&mut context) {}
}

// === impl Relay ===

impl Relay {
    #[cold]
    fn fail(&mut self, error: &Error) {
        if let Some(mut ending) = self.ending.take() {
            ending.exchange.record.failure.get_or_insert_with(|| error.retold());
            ending.finish(Some(error.cause()));
        }
    }

    fn complete(&mut self) {
        if let Some(mut ending) = self.ending.take() {
            ending.complete();
        }
    }

    /// Whether the endpoint should have sent something by now.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        let Some(ending) = &mut self.ending else { return Poll::Pending };
        let Some(link) = &ending.link else { return Poll::Pending };
        let idle = *self.waiting_since.get_or_insert_with(Instant::now) + link.idle_timeout;
        let (deadline, cause) = match link.deadline {
            Some(total) if total < idle => (total, Cause::TotalTimeout),
            _ => (idle, Cause::ResponseStalled),
        };
        ending.alarm.poll(context, deadline).map(|()| Error::new(cause, "the response body took too long"))
    }
}

impl HttpBody for Relay {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting_since = None;
                if let Some(ending) = &mut this.ending {
                    ending.hand_over(&frame);
                    if let Some(trailers) = frame.trailers_ref()
                        && let Some(unsettled) = ending.unsettled()
                    {
                        unsettled.settle(trailers);
                    }
                }
                // Nothing follows them, and not every codec asks.
                if frame.is_trailers() {
                    this.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                if let Some(unsettled) = this.ending.as_mut().and_then(|ending| ending.unsettled()) {
                    unsettled.fail();
                }
                this.fail(&error);
                // The codec drops what it has not written yet when the body breaks; the client shall have all that came.
                this.broken = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(None) => {
                this.complete();
                Poll::Ready(None)
            }
            Poll::Pending => {
                if let Some(watch) = this.ending.as_ref().and_then(|ending| ending.watch.as_ref()) {
                    watch.waiting();
                }
                this.poll_deadline(context).map(|error| {
                    this.fail(&error);
                    Some(Err(error))
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Relay {
    /// The codec drops a body as soon as it knows that nothing more will come, or when the client is gone.
    fn drop(&mut self) {
        if self.ending.is_some() && self.body.is_end_stream() {
            self.complete();
        }
        if let Some(mut ending) = self.ending.take() {
            ending.abandon();
        }
    }
}

// === impl UploadRelay ===

impl HttpBody for UploadRelay {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let deadline = *this.waiting_since.get_or_insert_with(Instant::now) + this.stall_timeout;
                let stalled = |()| Some(Err(Error::new(Cause::BodyStalled, "the client stopped sending the body")));
                return this.alarm.poll(context, deadline).map(stalled);
            }
        };
        this.waiting_since = None;
        match &frame {
            Some(Ok(frame)) => {
                this.upload.advance(frame.data_ref().map_or(0, |data| data.len() as u64), Instant::now());
            }
            None => this.upload.complete(Instant::now()),
            Some(Err(_)) => {}
        }
        match this.limit {
            Some(limit) if this.upload.received() > limit => {
                Poll::Ready(Some(Err(Error::new(Cause::BodyTooLarge, format!("the body exceeds {limit} bytes")))))
            }
            _ => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for UploadRelay {
    /// A body of known length is dropped without being asked for its end.
    fn drop(&mut self) {
        if self.body.is_end_stream() && !self.upload.is_complete() {
            self.upload.complete(Instant::now());
        }
    }
}

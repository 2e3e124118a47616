//! A client of `demo.Echo`, for every kind of call.

use std::{convert::Infallible, future::Future, pin::Pin};

use bytes::Bytes;
use demo::grpc::{Frames, Message, Status, encode};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, channel::Channel, channel::Sender};
use hyper::body::Incoming;

use super::{Client, request};
use crate::{PATIENCE, within};

/// Calls `demo.Echo` over an HTTP/2 connection.
#[derive(Debug)]
pub struct Grpc(Client);

/// One call in progress; both directions are open at the same time.
pub struct Call {
    requests: Option<Sender<Bytes>>,
    replies: Replies,
}

enum Replies {
    /// The head has not come; a server may wait for the first message before it sends one.
    Awaited(Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>> + Send>>),
    Open(Box<(HeaderMap, Frames<Incoming>)>),
}

// === impl Grpc ===

impl Grpc {
    /// Calls over this connection, which must be HTTP/2.
    pub fn over(client: Client) -> Self {
        Self(client)
    }

    /// A message for a message.
    ///
    /// # Errors
    /// The status of a call that failed.
    pub async fn unary(&self, message: &Message) -> Result<Message, Status> {
        self.single("Unary", message).await
    }

    /// A message for messages.
    ///
    /// # Errors
    /// The status of a call that failed.
    pub async fn server_stream(&self, message: &Message) -> Result<Vec<Message>, Status> {
        let mut call = self.call("ServerStream");
        call.send(message).await?;
        call.finish();
        call.rest().await
    }

    /// Messages for a message.
    ///
    /// # Errors
    /// The status of a call that failed.
    pub async fn client_stream(&self, messages: &[Message]) -> Result<Message, Status> {
        let mut call = self.call("ClientStream");
        for message in messages {
            call.send(message).await?;
        }
        call.finish();
        only(call.rest().await?)
    }

    /// Messages for messages, each when the test says.
    pub fn bidi_stream(&self) -> Call {
        self.call("BidiStream")
    }

    /// The call that always fails with NOT_FOUND.
    ///
    /// # Errors
    /// Always, with that status or the one of whoever failed before.
    pub async fn fail(&self) -> Result<Message, Status> {
        self.single("Fail", &Message::default()).await
    }

    /// Starts a call of any method of the service.
    pub fn call(&self, method: &str) -> Call {
        self.call_with(method, &HeaderMap::new())
    }

    /// Starts a call with metadata.
    pub fn call_with(&self, method: &str, metadata: &HeaderMap) -> Call {
        let (requests, body) = Channel::<Bytes, Infallible>::new(1);
        let mut request: Request<_> = request(Method::POST, &format!("/demo.Echo/{method}"));
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        request.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
        request.headers_mut().extend(metadata.clone());
        let request = request.map(|_| body.map_err(|never| match never {}).boxed());
        let mut client = self.0.copy();
        // On a task of its own, because messages are sent before anybody waits for the head.
        let head = tokio::spawn(async move { client.send(request).await });
        let head = Box::pin(async { head.await.expect("sending does not panic") });
        Call { requests: Some(requests), replies: Replies::Awaited(head) }
    }

    async fn single(&self, method: &str, message: &Message) -> Result<Message, Status> {
        let mut call = self.call(method);
        // A call that is refused by its head may be gone before the message: what counts is the status.
        let _ = call.send(message).await;
        call.finish();
        only(call.rest().await?)
    }
}

// === impl Call ===

impl Call {
    /// Sends a message.
    ///
    /// # Errors
    /// When the call has ended; [`Call::next`] tells how.
    pub async fn send(&mut self, message: &Message) -> Result<(), Status> {
        let requests = self.requests.as_mut().expect("messages are sent before the call is finished");
        let sent = within(PATIENCE, requests.send_data(encode(message))).await;
        sent.map_err(|_| Status::new(Status::CANCELLED, "the call has ended"))
    }

    /// Says that no more messages follow.
    pub fn finish(&mut self) {
        self.requests = None;
    }

    /// The next message, or none when the call ended well.
    ///
    /// # Errors
    /// The status of a call that failed.
    pub async fn next(&mut self) -> Result<Option<Message>, Status> {
        let (head, frames) = self.open().await?;
        if let Some(message) = within(PATIENCE, frames.next()).await? {
            return Ok(Some(message));
        }
        let status = frames.trailers().and_then(Status::from_fields).or_else(|| Status::from_fields(head));
        match status {
            Some(status) if status.code == Status::OK => Ok(None),
            Some(status) => Err(status),
            None => Err(Status::new(Status::INTERNAL, "the stream ended without a grpc-status")),
        }
    }

    /// Every message that is left.
    ///
    /// # Errors
    /// The status of a call that failed.
    pub async fn rest(&mut self) -> Result<Vec<Message>, Status> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await? {
            messages.push(message);
        }
        Ok(messages)
    }

    /// The header fields of the response.
    ///
    /// # Errors
    /// When there is none, or it is no gRPC.
    pub async fn head(&mut self) -> Result<&HeaderMap, Status> {
        Ok(self.open().await?.0)
    }

    async fn open(&mut self) -> Result<(&HeaderMap, &mut Frames<Incoming>), Status> {
        if let Replies::Awaited(head) = &mut self.replies {
            let response = within(PATIENCE, head).await;
            let response = response.map_err(|error| Status::new(Status::CANCELLED, format!("{error:?}")))?;
            if response.status() != StatusCode::OK {
                return Err(Status::new(Status::INTERNAL, format!("HTTP status {}", response.status())));
            }
            let (head, body) = response.into_parts();
            self.replies = Replies::Open(Box::new((head.headers, Frames::new(body))));
        }
        match &mut self.replies {
            Replies::Open(open) => Ok((&open.0, &mut open.1)),
            Replies::Awaited(_) => unreachable!("the head has come"),
        }
    }
}

fn only(mut messages: Vec<Message>) -> Result<Message, Status> {
    match (messages.pop(), messages.len()) {
        (Some(message), 0) => Ok(message),
        (_, others) => Err(Status::new(Status::INTERNAL, format!("expected one message, and {others} others came"))),
    }
}

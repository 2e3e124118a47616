//! `grpc`: the service `demo.Echo` over HTTP/2, with every kind of call.
//!
//! ```text
//! package demo;
//! message Message { string text = 1; uint32 count = 2; }
//! service Echo {
//!   rpc Unary(Message) returns (Message);                  // the same back
//!   rpc ServerStream(Message) returns (stream Message);    // `count` messages, numbered from 1
//!   rpc ClientStream(stream Message) returns (Message);    // the texts joined by ",", their number as count
//!   rpc BidiStream(stream Message) returns (stream Message); // each back at once, numbered from 1
//!   rpc Fail(Message) returns (Message);                   // always NOT_FOUND
//! }
//! ```

mod frame;

use std::{convert::Infallible, io};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{
    BodyExt, Empty,
    channel::{Channel, Sender},
};
use hyper::body::Incoming;

pub use frame::{Frames, encode};

use crate::{
    reply::{self, Body},
    scope::Scope,
    service::Service,
};

/// The message that every method of `demo.Echo` takes and gives.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Message {
    #[prost(string, tag = "1")]
    pub text: String,
    #[prost(uint32, tag = "2")]
    pub count: u32,
}

/// How a call ended: a code of the gRPC specification and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub code: u32,
    pub message: String,
}

/// Starts `demo.Echo` over HTTP/2 by prior knowledge.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn grpc() -> io::Result<Service> {
    Service::start("grpc", |request: Request<Incoming>, scope: Scope| async move { call(request, &scope) }).await
}

fn call(request: Request<Incoming>, scope: &Scope) -> Response<Body> {
    let content_type = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if !content_type.starts_with(b"application/grpc") {
        return reply::with_type(StatusCode::UNSUPPORTED_MEDIA_TYPE, "text/plain", reply::full("this is gRPC only\n"));
    }
    let method = match Method::named(request.uri().path()) {
        Ok(method) => method,
        Err(status) => return trailers_only(&status),
    };
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    scope.spawn(answer(method, Frames::new(request.into_body()), Replies(sender)));
    reply::with_type(StatusCode::OK, "application/grpc", body.boxed())
}

enum Method {
    Unary,
    ServerStream,
    ClientStream,
    BidiStream,
}

async fn answer(method: Method, requests: Frames<Incoming>, mut replies: Replies) {
    let outcome = match method {
        Method::Unary => unary(requests, &mut replies).await,
        Method::ServerStream => server_stream(requests, &mut replies).await,
        Method::ClientStream => client_stream(requests, &mut replies).await,
        Method::BidiStream => bidi_stream(requests, &mut replies).await,
    };
    replies.finish(&outcome.err().unwrap_or_else(Status::ok)).await;
}

async fn unary(mut requests: Frames<Incoming>, replies: &mut Replies) -> Result<(), Status> {
    let message = requests.one().await?;
    replies.send(&message).await
}

async fn server_stream(mut requests: Frames<Incoming>, replies: &mut Replies) -> Result<(), Status> {
    let Message { text, count } = requests.one().await?;
    for count in 1..=count {
        replies.send(&Message { text: text.clone(), count }).await?;
    }
    Ok(())
}

async fn client_stream(mut requests: Frames<Incoming>, replies: &mut Replies) -> Result<(), Status> {
    let mut texts = Vec::new();
    while let Some(message) = requests.next().await? {
        texts.push(message.text);
    }
    let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
    replies.send(&Message { text: texts.join(","), count }).await
}

async fn bidi_stream(mut requests: Frames<Incoming>, replies: &mut Replies) -> Result<(), Status> {
    let mut count = 0;
    while let Some(Message { text, .. }) = requests.next().await? {
        count += 1;
        replies.send(&Message { text, count }).await?;
    }
    Ok(())
}

/// A failure that is known before the first message goes out in the head alone.
fn trailers_only(status: &Status) -> Response<Body> {
    let mut response = reply::with_type(StatusCode::OK, "application/grpc", Empty::new().boxed());
    response.headers_mut().extend(status.fields());
    response
}

/// The answering half of a call.
struct Replies(Sender<Bytes>);

// === impl Replies ===

impl Replies {
    async fn send(&mut self, message: &Message) -> Result<(), Status> {
        self.0.send_data(encode(message)).await.map_err(|_| Status::new(Status::CANCELLED, "the caller left"))
    }

    async fn finish(mut self, status: &Status) {
        // An error means that the caller left before the end, and nobody is there to be told.
        let _ = self.0.send_trailers(status.fields()).await;
    }
}

// === impl Method ===

impl Method {
    fn named(path: &str) -> Result<Self, Status> {
        match path {
            "/demo.Echo/Unary" => Ok(Self::Unary),
            "/demo.Echo/ServerStream" => Ok(Self::ServerStream),
            "/demo.Echo/ClientStream" => Ok(Self::ClientStream),
            "/demo.Echo/BidiStream" => Ok(Self::BidiStream),
            "/demo.Echo/Fail" => Err(Status::new(Status::NOT_FOUND, "nothing here, as asked")),
            unknown => Err(Status::new(Status::UNIMPLEMENTED, format!("there is no method {unknown}"))),
        }
    }
}

// === impl Status ===

impl Status {
    pub const OK: u32 = 0;
    pub const CANCELLED: u32 = 1;
    pub const INVALID_ARGUMENT: u32 = 3;
    pub const NOT_FOUND: u32 = 5;
    pub const UNIMPLEMENTED: u32 = 12;
    pub const INTERNAL: u32 = 13;

    /// A status with its code; the text is ASCII, because it travels in a header field unescaped.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The call succeeded.
    pub fn ok() -> Self {
        Self::new(Self::OK, "")
    }

    /// Reads the status out of trailers, or out of the head of a trailers-only response.
    pub fn from_fields(fields: &HeaderMap) -> Option<Self> {
        let text = |name| fields.get(name).and_then(|value| value.to_str().ok());
        Some(Self::new(text("grpc-status")?.parse().ok()?, text("grpc-message").unwrap_or_default()))
    }

    fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::new();
        fields.insert("grpc-status", HeaderValue::from(self.code));
        if let (false, Ok(message)) = (self.message.is_empty(), HeaderValue::from_str(&self.message)) {
            fields.insert("grpc-message", message);
        }
        fields
    }
}

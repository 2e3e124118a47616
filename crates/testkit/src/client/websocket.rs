//! WebSocket clients, over HTTP/1.1 (RFC 6455) and over HTTP/2 (RFC 8441).

use std::net::SocketAddr;

use demo::Scope;
use http::{Method, Request, Response};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{ClientRequestBuilder, Error, protocol::Role},
};

pub use super::stream::H2Stream;
pub use futures_util::{SinkExt, StreamExt};
pub use tokio_tungstenite::tungstenite::{self, Message};

use crate::{PATIENCE, wire::Io, within};

/// A socket to `path` over HTTP/1.1 without TLS.
///
/// # Panics
/// When the handshake fails.
pub async fn connect(address: SocketAddr, path: &str) -> WebSocketStream<Box<dyn Io>> {
    let opened = over_http1(super::tcp(address).await, &format!("ws://{address}{path}"), &[]).await;
    opened.unwrap_or_else(|error| panic!("no WebSocket at {address}{path}: {error}")).0
}

/// A socket over a connection that is already there, and the response that opened it.
///
/// # Errors
/// When the handshake fails; [`Error::Http`] holds a response that refuses it.
pub async fn over_http1(
    stream: impl Io,
    uri: &str,
    fields: &[(&str, &str)],
) -> Result<(WebSocketStream<Box<dyn Io>>, Response<Option<Vec<u8>>>), Error> {
    let request = ClientRequestBuilder::new(uri.parse().expect("a URI"));
    let request = fields.iter().fold(request, |request, (name, value)| request.with_header(*name, *value));
    within(PATIENCE, client_async(request, Box::new(stream) as Box<dyn Io>)).await
}

/// A socket over a new stream of HTTP/2 on a connection that is already there, and the response that opened it.
///
/// # Errors
/// The response, when it refuses; it has no content here.
///
/// # Panics
/// When the connection breaks off, or the peer does not say in its SETTINGS that it takes extended CONNECT.
pub async fn over_http2(
    stream: impl Io,
    uri: &str,
    fields: &[(&str, &str)],
) -> Result<(WebSocketStream<H2Stream>, Response<()>), Response<()>> {
    let (sender, mut connection) = h2::client::handshake(stream).await.expect("a connection for HTTP/2");
    let (owner, scope) = Scope::open();
    let mut ping = connection.ping_pong().expect("asked for once");
    scope.spawn(async { drop(connection.await) });
    // The peer's SETTINGS come before its answer to anything.
    within(PATIENCE, ping.ping(h2::Ping::opaque())).await.expect("an answer to a PING");
    assert!(sender.is_extended_connect_protocol_enabled(), "the peer's SETTINGS do not enable extended CONNECT");

    let mut sender = within(PATIENCE, sender.ready()).await.expect("a stream");
    let (response, send) =
        sender.send_request(connect_request(uri, fields), false).expect("a request that can be sent");
    let (head, receive) = within(PATIENCE, response).await.expect("a response").into_parts();
    let response = Response::from_parts(head, ());
    if !response.status().is_success() {
        return Err(response);
    }
    let stream = H2Stream::new(send, receive, owner);
    Ok((WebSocketStream::from_raw_socket(stream, Role::Client, None).await, response))
}

fn connect_request(uri: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(Method::CONNECT).uri(uri).header("sec-websocket-version", "13");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.extension(h2::ext::Protocol::from_static("websocket")).body(()).expect("a request")
}

//! `echo`: says what arrived, and echoes WebSocket messages.

use std::io;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    ext::Protocol,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use crate::{
    reply::{self, Body},
    scope::Scope,
    service::Service,
};

/// Starts a service that answers each request with what it received: method, path, query, version, header fields as
/// pairs in the order of arrival, length of the body, trailers. A WebSocket handshake, by upgrade (RFC 6455) or by
/// extended CONNECT (RFC 8441), gets its messages back.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn echo() -> io::Result<Service> {
    Service::start("echo", |request: Request<Incoming>, scope| async move {
        match Handshake::of(&request) {
            Some(handshake) => accept(handshake, request, &scope),
            None => describe(request).await,
        }
    })
    .await
}

/// How a client asked for a WebSocket.
enum Handshake {
    /// RFC 6455: the key is answered.
    Upgrade { key: HeaderValue },
    /// RFC 8441: there is no key, the stream itself is the tunnel.
    Connect,
}

fn accept(handshake: Handshake, mut request: Request<Incoming>, scope: &Scope) -> Response<Body> {
    let mut response = Response::new(reply::full(""));
    if let Handshake::Upgrade { key } = handshake {
        let Ok(accept) = HeaderValue::try_from(derive_accept_key(key.as_bytes())) else {
            return reply::json(StatusCode::BAD_REQUEST, &json!({ "error": "sec-websocket-key cannot be answered" }));
        };
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(first) = offered_protocol(&request) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, first);
    }
    scope.spawn(tunnel(hyper::upgrade::on(&mut request)));
    response
}

async fn tunnel(upgrade: OnUpgrade) {
    if let Ok(upgraded) = upgrade.await {
        let mut socket: WebSocketStream<TokioIo<Upgraded>> =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        // Pings and the closing handshake are answered by the socket itself as it is read.
        while let Some(Ok(message)) = socket.next().await {
            if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

async fn describe(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return reply::json(StatusCode::BAD_REQUEST, &json!({ "error": "the request body broke off" }));
    };
    let trailers = body.trailers().cloned().unwrap_or_default();
    reply::json(
        StatusCode::OK,
        &json!({
            "service": "echo",
            "method": head.method.as_str(),
            "path": head.uri.path(),
            "query": head.uri.query(),
            "version": format!("{:?}", head.version),
            "authority": head.uri.authority().map(http::uri::Authority::as_str),
            "headers": pairs(&head.headers),
            "body_length": body.to_bytes().len(),
            "trailers": pairs(&trailers),
        }),
    )
}

fn pairs(fields: &http::HeaderMap) -> Vec<(&str, String)> {
    fields.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

fn offered_protocol(request: &Request<Incoming>) -> Option<HeaderValue> {
    let offer = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    HeaderValue::from_str(offer.split(',').next()?.trim()).ok()
}

// === impl Handshake ===

impl Handshake {
    fn of(request: &Request<Incoming>) -> Option<Self> {
        if request.method() == Method::CONNECT {
            let protocol = request.extensions().get::<Protocol>()?;
            return (protocol.as_str() == "websocket").then_some(Self::Connect);
        }
        let upgrade = request.headers().get(header::UPGRADE)?;
        let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?.clone();
        upgrade.as_bytes().eq_ignore_ascii_case(b"websocket").then_some(Self::Upgrade { key })
    }
}

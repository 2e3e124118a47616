//! A lane of HTTP/2: one stream at a time on a connection that others use as well.

use std::rc::Rc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};

use super::{
    Protocol,
    client::{Answer, Connector},
    prefix,
};
use crate::Failure;

#[derive(Clone)]
pub(super) struct Lane {
    connector: Rc<Connector>,
    sender: SendRequest<Bytes>,
}

/// A gRPC message of 16 bytes: not compressed, its length, itself.
const MESSAGE: Bytes = Bytes::from_static(b"\0\0\0\0\x10\x0a\x0esixteen bytes!");

// === impl Lane ===

impl Lane {
    pub(super) async fn connect(connector: Rc<Connector>) -> Result<Self, Failure> {
        let sender = open(&connector).await?;
        Ok(Self { connector, sender })
    }

    pub(super) async fn exchange(&mut self, index: u32) -> Result<Answer, Failure> {
        let outcome = self.try_exchange(index).await;
        if outcome.is_err()
            && let Ok(sender) = open(&self.connector).await
        {
            // The connection may be gone for good; the run is flagged anyway.
            self.sender = sender;
        }
        outcome
    }

    async fn try_exchange(&self, index: u32) -> Result<Answer, Failure> {
        let grpc = self.connector.protocol == Protocol::Grpc;
        let uri = format!("http://localhost{}/{}", prefix(index), self.connector.tail);
        let request = if grpc {
            let builder = Request::post(uri).header("content-type", "application/grpc").header("te", "trailers");
            builder.body(())?
        } else {
            Request::get(uri).header("accept", "*/*").header("user-agent", "bench/1").body(())?
        };
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut stream) = sender.send_request(request, !grpc)?;
        if grpc {
            stream.send_data(MESSAGE, true)?;
        }
        let response = response.await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = response.into_body();
        let mut body_bytes = 0;
        while let Some(piece) = body.data().await {
            let length = piece?.len();
            body.flow_control().release_capacity(length)?;
            body_bytes += length as u64;
        }
        if grpc {
            check_grpc(&headers, body.trailers().await?.as_ref(), body_bytes)?;
        }
        Ok(Answer { status, body_bytes })
    }
}

/// A call is good when its trailers say so and the message came back whole.
fn check_grpc(headers: &HeaderMap, trailers: Option<&HeaderMap>, body_bytes: u64) -> Result<(), Failure> {
    let status = trailers.and_then(|trailers| trailers.get("grpc-status")).or_else(|| headers.get("grpc-status"));
    match status {
        Some(status) if status == "0" && body_bytes == MESSAGE.len() as u64 => Ok(()),
        Some(status) => Err(format!("grpc-status {status:?} after {body_bytes} bytes").into()),
        None => Err("a call without grpc-status".into()),
    }
}

async fn open(connector: &Connector) -> Result<SendRequest<Bytes>, Failure> {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 20).initial_connection_window_size(8 << 20);
    let (sender, connection) = builder.handshake(connector.wire().await?).await?;
    tokio::task::spawn_local(async move {
        // Its end reaches every lane as an error of its next exchange.
        let _ = connection.await;
    });
    Ok(sender)
}

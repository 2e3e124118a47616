//! HTTP/1.0 and HTTP/1.1 (RFC 9112).

use std::{convert::Infallible, rc::Rc};

use hyper::{
    server::conn::http1::{self, Parts},
    service::service_fn,
};
use message::Cause;
use snapshot::Limits;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, End, Io, Phase};
use crate::exchange;

/// hyper parses this many fields without allocating; more are possible, at a price.
const CHEAP_HEADERS: u32 = 100;

pub(super) async fn serve<S>(connection: Rc<Connection>, mut io: Io<S>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = builder(&connection.limits);
    loop {
        let service = {
            let connection = connection.clone();
            service_fn(move |request| {
                // In a box of its own: an idle connection shall not pay for the size of an exchange.
                let exchange = exchange::serve_boxed(connection.clone(), request);
                async move { Ok::<_, Infallible>(exchange.await) }
            })
        };
        let mut http = builder.serve_connection(io, service).with_upgrades();
        let end = connection.drive(&mut http, |http| http.graceful_shutdown()).await;
        if let End::Done(result) = end {
            return ended(&connection, result);
        }
        let Some(Parts { io: socket, read_buf: unread, .. }) = http.into_parts() else { return };
        io = socket;
        match connection.state.phase() {
            Phase::Head => return say_farewell(&connection, io).await,
            // The beginning of a head came along with an earlier request: from now on, its time runs.
            Phase::Idle if !unread.is_empty() => io.put_back(unread),
            Phase::Idle if io.is_settled() => {
                // With this, the codec's buffers are gone; they come back with the first byte.
                drop(unread);
                if !connection.doze(&mut io).await {
                    return;
                }
            }
            // Whoever does not read in time that it was refused was refused all the same.
            Phase::Idle | Phase::Exchange | Phase::Closing => return connection.tell_refused(),
        }
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_header_size(limits.header_bytes as usize)
        // Room for a head of the greatest size; bodies are read in pieces of at most this size.
        .max_buf_size((limits.header_bytes + limits.uri_bytes).max(8 << 10) as usize);
    if limits.header_count != CHEAP_HEADERS {
        builder.max_headers(limits.header_count as usize);
    }
    builder
}

fn ended(connection: &Connection, result: hyper::Result<()>) {
    connection.tell_refused();
    if let Err(error) = result {
        tracing::debug!(peer = %connection.peer.address, %error, "connection ended");
    }
}

/// 408 for a head that never ended. The deadline of the closing phase bounds how long that takes.
#[cold]
async fn say_farewell<S: AsyncRead + AsyncWrite + Unpin>(connection: &Connection, mut io: Io<S>) {
    io.refuse(Cause::HeaderTimeout, "the head of the request did not arrive in time");
    connection.tell_refused();
    let farewell =
        std::future::poll_fn(|context| hyper::rt::Write::poll_shutdown(std::pin::Pin::new(&mut io), context));
    // Whoever does not even take this is gone anyway.
    _ = tokio::time::timeout(super::state::FAREWELL, farewell).await;
}

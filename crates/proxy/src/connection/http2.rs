//! HTTP/2 (RFC 9113), by ALPN or by prior knowledge.

use std::{convert::Infallible, rc::Rc, time::Duration};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, End, Io, StreamWatch, stream_watch::StreamExecutor};
use crate::exchange;

/// A peer that answers no ping for this long is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

pub(super) async fn serve<S>(connection: Rc<Connection>, io: Io<S>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &connection.limits.http2;
    let mut builder = http2::Builder::new(StreamExecutor { connection: connection.clone() });
    builder
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(limits.concurrent_streams)
        .max_pending_accept_reset_streams(limits.pending_resets as usize)
        .max_local_error_reset_streams(limits.local_resets as usize)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_frame_size(limits.frame_bytes)
        .max_send_buf_size(256 << 10)
        .header_table_size(4096)
        // A little above our own limit, so that most refusals are ours, with a cause; the codec's are bare.
        .max_header_list_size(connection.limits.header_bytes.saturating_mul(2))
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    let service = {
        let connection = connection.clone();
        service_fn(move |request| {
            let watch = Rc::new(StreamWatch::default());
            // hyper hands the stream to the executor right after this call returns.
            connection.watch.replace(Some(watch.clone()));
            let exchange = exchange::serve(connection.clone(), request, Some(watch));
            async move { Ok::<_, Infallible>(exchange.await) }
        })
    };
    let mut http = builder.serve_connection(io, service);
    match connection.drive(&mut http, |http| http.graceful_shutdown()).await {
        End::Done(Ok(())) | End::Overdue => {}
        End::Done(Err(error)) => tracing::debug!(peer = %connection.peer.address, %error, "connection ended"),
    }
}

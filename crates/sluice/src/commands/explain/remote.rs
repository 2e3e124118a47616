//! Asks a gateway that runs.

use std::{future::Future, io, time::Duration};

use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use message::Token;
use model::{EndpointAddress, FromText, values::EndpointTarget};
use serde_json::Value;
use snapshot::{Explanation, Question};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    runtime,
    time::timeout,
};

use crate::failure::Failure;

/// A gateway with very many routes takes a while.
const PATIENCE: Duration = Duration::from_secs(30);

/// The answer of the gateway whose admin address this is.
pub(super) fn ask(address: &str, token: &Token, question: &Question) -> Result<Explanation, Failure> {
    let failed = |why: String| Failure::Other(format!("cannot ask the gateway at {address}: {why}"));
    let written = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
    let EndpointTarget(target) = EndpointTarget::from_text(written).map_err(Failure::Other)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let exchange = async { timeout(PATIENCE, exchange(&target, token, question)).await };
    let (status, body) = match runtime.block_on(exchange) {
        Ok(answered) => answered.map_err(failed)?,
        Err(_) => return Err(failed(format!("it does not answer within {PATIENCE:?}"))),
    };
    if status != StatusCode::OK {
        return Err(failed(problem(status, &body)));
    }
    serde_json::from_slice(&body).map_err(|error| failed(format!("its answer is no explanation: {error}")))
}

async fn exchange(target: &EndpointAddress, token: &Token, question: &Question) -> Result<(StatusCode, Bytes), String> {
    let unreachable = |error: io::Error| format!("{error}; is it running, and is this its `gateway.admin`?");
    match target {
        EndpointAddress::Socket(address) => over(TcpStream::connect(address), token, question, unreachable).await,
        EndpointAddress::Name { host, port } => {
            over(TcpStream::connect((&**host, *port)), token, question, unreachable).await
        }
        EndpointAddress::Unix(path) => over(UnixStream::connect(path), token, question, unreachable).await,
    }
}

async fn over<S: AsyncRead + AsyncWrite + Unpin>(
    connect: impl Future<Output = io::Result<S>>,
    token: &Token,
    question: &Question,
    unreachable: impl Fn(io::Error) -> String,
) -> Result<(StatusCode, Bytes), String> {
    let stream = connect.await.map_err(unreachable)?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| error.to_string())?;
    let request = request(token, question)?;
    let answered = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        Ok::<_, hyper::Error>((head.status, body.collect().await?.to_bytes()))
    };
    // The connection moves the bytes, and ends with the answer or before it.
    let (answered, _) = tokio::join!(answered, connection);
    answered.map_err(|error| error.to_string())
}

fn request(token: &Token, question: &Question) -> Result<Request<Full<Bytes>>, String> {
    let body = serde_json::to_vec(question).map_err(|error| error.to_string())?;
    let mut credentials =
        HeaderValue::try_from(format!("Bearer {}", token.reveal())).map_err(|error| error.to_string())?;
    credentials.set_sensitive(true);
    Request::post("/api/v1/explain")
        // However it is reached: other names are for browsers to give away.
        .header(header::HOST, "localhost")
        .header(header::CONNECTION, "close")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, credentials)
        .body(Full::new(body.into()))
        .map_err(|error| error.to_string())
}

/// What the gateway says is wrong (RFC 9457).
fn problem(status: StatusCode, body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    match problem["detail"].as_str() {
        Some(detail) => format!("{}: {detail}", status.as_u16()),
        None => format!("it answers {status}"),
    }
}

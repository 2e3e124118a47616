//! Calls over one HTTP/2 connection (gRPC).

use std::{convert::Infallible, error::Error, marker::PhantomData, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Either, Full, channel};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use model::values::HttpUrl;
use prost::Message;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::AbortHandle,
};
use tokio_rustls::TlsConnector;

use super::{
    call_error::{CallError, Status},
    wire::{Ask, Converse},
};

/// One connection to one member. Cheap to clone; it is closed with the last clone and the last call.
#[derive(Clone)]
pub(super) struct Channel {
    sender: http2::SendRequest<Outgoing>,
    scheme: Scheme,
    authority: Arc<str>,
    _driven: Arc<Driven>,
}

/// A call in which both sides go on talking.
pub(super) struct Conversation<Q: Converse> {
    requests: channel::Sender<Bytes>,
    answers: Answers<Q::Answer>,
    /// Keeps the connection.
    _channel: Channel,
}

type Outgoing = Either<Full<Bytes>, channel::Channel<Bytes, Infallible>>;

/// The task that a connection runs on. It ends with its handle: one that waits for a peer that is silent would stay for as
/// long as TCP keeps trying.
struct Driven(AbortHandle);

/// The messages of a response.
struct Answers<A> {
    head: HeaderMap,
    body: Incoming,
    /// What came of a message that is not whole yet.
    buffer: BytesMut,
    trailers: HeaderMap,
    is: PhantomData<fn() -> A>,
}

/// Flag and length before each message.
const PREFIX: usize = 5;
/// Of one message. Nothing that etcd stores is near it: a page has 200 values at most, and a value 1.5 MiB unless etcd is told
/// otherwise.
const MOST: usize = 512 << 20;
/// Requests of a conversation that the connection has not taken yet.
const QUEUED: usize = 4;
/// Flow control: a page of many keys should not wait for its own acknowledgement.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

// === impl Channel ===

impl Channel {
    /// `tls` is asked for where an address begins with `https`.
    pub(super) async fn connect(
        member: &HttpUrl,
        tls: impl FnOnce() -> Result<Arc<rustls::ClientConfig>, String>,
        server_name: Option<&str>,
    ) -> Result<Self, CallError> {
        let broken = |error: &dyn Error| CallError::Broken(chain(error));
        let tcp = TcpStream::connect((&*member.host, member.port)).await.map_err(|error| broken(&error))?;
        _ = tcp.set_nodelay(true);
        if !member.is_tls {
            return Self::over(tcp, Scheme::HTTP, member).await;
        }
        let name = fetch::tls::server_name(server_name.unwrap_or(&member.host)).map_err(|error| broken(&error))?;
        let connector = TlsConnector::from(tls().map_err(CallError::Broken)?);
        let stream = connector.connect(name, tcp).await.map_err(|error| broken(&error))?;
        Self::over(stream, Scheme::HTTPS, member).await
    }

    async fn over<S>(stream: S, scheme: Scheme, member: &HttpUrl) -> Result<Self, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| CallError::Broken(chain(&error)))?;
        // What breaks a connection is told to whoever waits for an answer.
        let _driven = Arc::new(Driven(tokio::spawn(connection).abort_handle()));
        Ok(Self { sender, scheme, authority: member.authority().into(), _driven })
    }

    /// Asks once, and waits for the whole answer.
    pub(super) async fn ask<Q: Ask>(&self, question: &Q, token: Option<&HeaderValue>) -> Result<Q::Answer, CallError> {
        let mut answers = self.begin(Q::PATH, Either::Left(Full::new(framed(question))), token).await?;
        let answer = answers.next().await?;
        // How it ended is said behind the answer.
        match (answer, answers.next().await?) {
            (Some(answer), None) => Ok(answer),
            _ => Err(CallError::Malformed("the call brought no answer, or more than one".to_owned())),
        }
    }

    /// Begins to talk, with this as the first that is said: before that, a member says nothing.
    pub(super) async fn converse<Q: Converse>(
        &self,
        first: &Q,
        token: Option<&HeaderValue>,
    ) -> Result<Conversation<Q>, CallError> {
        let (mut requests, body) = channel::Channel::new(QUEUED);
        // There is room: nothing was sent.
        _ = requests.try_send(Frame::data(framed(first)));
        let answers = self.begin(Q::PATH, Either::Right(body), token).await?;
        Ok(Conversation { requests, answers, _channel: self.clone() })
    }

    async fn begin<A>(
        &self,
        path: &'static str,
        body: Outgoing,
        token: Option<&HeaderValue>,
    ) -> Result<Answers<A>, CallError> {
        let target = Uri::builder().scheme(self.scheme.clone()).authority(&*self.authority).path_and_query(path);
        let target = target.build().map_err(|error| CallError::Broken(error.to_string()))?;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target;
        let fields = request.headers_mut();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
        // A member that has lost its leader says so, and does not go on telling what was true before.
        fields.insert("hasleader", HeaderValue::from_static("true"));
        if let Some(token) = token {
            fields.insert("token", token.clone());
        }
        let mut sender = self.sender.clone();
        let broken = |error: hyper::Error| CallError::Broken(chain(&error));
        sender.ready().await.map_err(broken)?;
        Answers::read(sender.send_request(request).await.map_err(broken)?)
    }
}

// === impl Conversation ===

impl<Q: Converse> Conversation<Q> {
    /// Says one thing more, unless what was said before still waits to be sent.
    pub(super) fn say(&mut self, more: &Q) {
        _ = self.requests.try_send(Frame::data(framed(more)));
    }

    /// The next that is said. May be dropped while it waits; nothing is lost by it.
    pub(super) async fn next(&mut self) -> Result<Q::Answer, CallError> {
        let next = self.answers.next().await?;
        next.ok_or_else(|| CallError::Broken("the member ended the call".to_owned()))
    }
}

// === impl Answers ===

impl<A: Message + Default> Answers<A> {
    /// `None`: the call has ended well.
    async fn next(&mut self) -> Result<Option<A>, CallError> {
        loop {
            if let Some(message) = self.whole()? {
                let message = A::decode(message);
                return message.map(Some).map_err(|error| CallError::Malformed(error.to_string()));
            }
            let Some(frame) = self.body.frame().await else { return self.ended().map(|()| None) };
            match frame.map_err(|error| CallError::Broken(chain(&error)))?.into_data() {
                Ok(data) => self.buffer.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
    }

    /// The first message in the buffer, if it is whole.
    fn whole(&mut self) -> Result<Option<Bytes>, CallError> {
        let Some(&[flags, a, b, c, d]) = self.buffer.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if flags != 0 {
            return Err(CallError::Malformed("the message is compressed, which nobody asked for".to_owned()));
        }
        if length > MOST {
            return Err(CallError::Malformed(format!("a message of {length} bytes is longer than {MOST}")));
        }
        if self.buffer.len() < PREFIX + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    fn ended(&self) -> Result<(), CallError> {
        // A call that failed before its first message says so in the head.
        match Status::read(&self.trailers).or_else(|| Status::read(&self.head)) {
            Some(None) => Ok(()),
            Some(Some(status)) => Err(CallError::Status(status)),
            None => Err(CallError::Broken("the call ended without a status".to_owned())),
        }
    }
}

impl<A> Answers<A> {
    fn read(response: Response<Incoming>) -> Result<Self, CallError> {
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(CallError::Malformed(format!(
                "the answer has the HTTP status {}; this is no etcd",
                head.status
            )));
        }
        let (buffer, trailers) = (BytesMut::new(), HeaderMap::new());
        Ok(Self { head: head.headers, body, buffer, trailers, is: PhantomData })
    }
}

// === impl Driven ===

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = Vec::with_capacity(PREFIX + length);
    frame.push(0);
    // What is asked for is far shorter than 4 GiB.
    frame.extend_from_slice(&(length as u32).to_be_bytes());
    frame.extend_from_slice(&message.encode_to_vec());
    frame.into()
}

/// An error says what, its source why.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

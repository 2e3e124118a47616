//! Batches over HTTP.

use std::{
    io,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fetch::{Answer, Bounds, Client, Speaks, secret};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use message::Random;
use model::{Batch, HttpLog, values::HttpUrl};
use tokio::runtime::{self, Runtime};

use super::{Shared, Sink, shape::Shape};
use crate::access_log::shared::Retry;

/// Gathers lines, and offers them until they are taken or it has been long enough.
pub(super) struct HttpSink {
    client: Client,
    runtime: Runtime,
    /// Without its path.
    origin: HttpUrl,
    /// The path, with its query.
    target: String,
    shape: Shape,
    headers: HeaderMap,
    batch: Batch,
    pending: Vec<u8>,
    lines: u64,
    /// When the first of those lines came.
    since: Option<Instant>,
    random: Random,
}

/// Why a batch was not taken.
enum Refused {
    /// It may be the next time, no sooner than this.
    ForNow(io::Error, Duration),
    /// It will never be.
    ForGood(io::Error),
}

/// Of an answer: what is said of each line of a batch by Elasticsearch.
const ANSWER_BYTES: usize = 4 << 20;
/// A server cannot ask for more patience than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For the last batch of a log that closes.
const LAST: Duration = Duration::from_millis(1_500);

// === impl HttpSink ===

impl HttpSink {
    /// Reads the secrets and certificates that the settings name. Connects to nobody yet.
    pub(super) fn new(settings: &HttpLog, random: Random) -> io::Result<Self> {
        let client = Client::new(Speaks::Http1, &settings.tls).map_err(io::Error::other)?;
        let shape = Shape::of(&settings.shape);
        let mut headers = secret::fields(&settings.headers).map_err(io::Error::other)?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(shape.content_type()));
        Ok(Self {
            client,
            runtime: runtime::Builder::new_current_thread().enable_all().build()?,
            origin: settings.url.origin(),
            target: format!("{}{}", settings.url.path, shape.query()),
            shape,
            headers,
            batch: settings.batch,
            pending: Vec::new(),
            lines: 0,
            since: None,
            random,
        })
    }

    fn post(&self, body: &Bytes, shared: &Shared) -> Result<u64, Refused> {
        let mut request = Request::post(&self.target)
            .body(body.clone())
            .map_err(|error| Refused::ForGood(io::Error::other(format!("{}: {error}", self.target))))?;
        *request.headers_mut() = self.headers.clone();
        let time = if shared.is_closing() { self.batch.timeout.min(LAST) } else { self.batch.timeout };
        let bounds = Bounds { time, bytes: ANSWER_BYTES };
        let sent = self.runtime.block_on(self.client.send(&self.origin, request, bounds));
        let answer = sent.map_err(|error| Refused::ForNow(io::Error::other(error.to_string()), Duration::ZERO))?;
        self.read(&answer, shared)
    }

    /// How many lines of a batch that was taken were not.
    fn read(&self, answer: &Answer, shared: &Shared) -> Result<u64, Refused> {
        let status = answer.head.status();
        if status.is_success() {
            let Some((lines, status)) = self.shape.refused(&answer.body) else { return Ok(0) };
            shared.failed(&io::Error::other(format!("lines were refused with {status}")));
            return Ok(lines);
        }
        let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]).into_owned();
        let error = io::Error::other(format!("{}{} answers {status} {said}", self.origin, self.target));
        let is_passing =
            status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if !is_passing {
            return Err(Refused::ForGood(error));
        }
        let asked = answer.head.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Err(Refused::ForNow(error, asked.map_or(Duration::ZERO, Duration::from_secs).min(LONGEST_PAUSE)))
    }
}

impl Sink for HttpSink {
    fn write(&mut self, bytes: &[u8], lines: u64, shared: &Shared) {
        self.pending.extend_from_slice(bytes);
        self.lines += lines;
        self.since.get_or_insert_with(Instant::now);
        if self.pending.len() >= self.batch.bytes as usize {
            self.flush(shared);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + self.batch.age)
    }

    fn flush(&mut self, shared: &Shared) {
        if self.since.take().is_none() {
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        let body = Bytes::from(self.shape.body(&self.pending));
        self.pending.clear();
        let mut retry = Retry::new(self.batch.retry, &mut self.random);
        loop {
            let pause = match self.post(&body, shared) {
                Ok(refused) => {
                    shared.dropped(refused);
                    return shared.written(lines.saturating_sub(refused));
                }
                Err(Refused::ForGood(error)) => {
                    shared.failed(&error);
                    return shared.dropped(lines);
                }
                Err(Refused::ForNow(error, pause)) => {
                    shared.failed(&error);
                    pause
                }
            };
            if !retry.again(shared, pause) {
                return shared.dropped(lines);
            }
        }
    }
}

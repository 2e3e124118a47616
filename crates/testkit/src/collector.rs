//! A collector of traces and logs (OTLP over gRPC and HTTP), by the official messages: takes what it is told, or does what a test wants.

use std::{
    collections::{BTreeMap, VecDeque},
    io::Read as _,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
        trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::LogRecord,
    trace::v1::Span as Wire,
};
use prost::Message as _;

use crate::{
    body::{self, Body},
    eventually,
    origin::{Origin, Settings},
};

/// Takes spans and records at a port of its own.
#[derive(Debug)]
pub struct Collector {
    pub address: SocketAddr,
    origin: Origin,
    state: Arc<Mutex<State>>,
}

/// What one request of it is answered with.
#[derive(Debug, Clone)]
pub enum Reply {
    Taken,
    /// All but so many spans, or records, were taken.
    Rejects(i64),
    /// A status of HTTP, with `Retry-After` if need be.
    Status(u16, Option<&'static str>),
    /// A status of gRPC.
    Grpc(u32),
    /// None at all.
    Silence,
}

/// A span that it was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Hexadecimal, as are all ids; `parent` is empty where there is none.
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub state: String,
    pub name: String,
    /// 1 is internal, 2 a server, 3 a client.
    pub kind: i32,
    /// In nanoseconds since 1970.
    pub began: u64,
    pub ended: u64,
    /// As text.
    pub attributes: BTreeMap<String, String>,
    /// Its status says that it failed.
    pub failed: bool,
    pub flags: u32,
    /// The attributes of who told.
    pub resource: BTreeMap<String, String>,
}

/// A log record that it was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// In nanoseconds since 1970.
    pub time: u64,
    /// 9 is information, 13 a warning, 17 an error.
    pub severity: i32,
    pub body: String,
    /// Hexadecimal; empty where there is none.
    pub trace: String,
    /// As text.
    pub attributes: BTreeMap<String, String>,
    /// The attributes of who told.
    pub resource: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<Span>,
    records: Vec<Record>,
    /// Head and path of each request.
    requests: Vec<(String, HeaderMap)>,
    replies: VecDeque<Reply>,
    always: Option<Reply>,
}

// === impl Collector ===

impl Collector {
    /// Takes what it is told.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// The same, over TLS if the settings say so.
    pub async fn with(settings: Settings) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let origin = Origin::with(settings, move |request| answer(request, shared.clone())).await;
        Self { address: origin.address, origin, state }
    }

    /// Answers the next requests with these, one after the other.
    pub fn answer_next(&self, replies: impl IntoIterator<Item = Reply>) {
        locked(&self.state).replies.extend(replies);
    }

    /// Answers with this from now on, where nothing else is said; with none, it takes what it is told.
    pub fn answer_always(&self, reply: Option<Reply>) {
        locked(&self.state).always = reply;
    }

    /// The spans that it took so far.
    pub fn spans(&self) -> Vec<Span> {
        locked(&self.state).spans.clone()
    }

    /// How many these are.
    pub fn spans_taken(&self) -> usize {
        locked(&self.state).spans.len()
    }

    /// The records that it took so far.
    pub fn records(&self) -> Vec<Record> {
        locked(&self.state).records.clone()
    }

    /// Path and head of every request so far.
    pub fn requests(&self) -> Vec<(String, HeaderMap)> {
        locked(&self.state).requests.clone()
    }

    /// Connections that were ever made to it.
    pub fn connections(&self) -> usize {
        self.origin.counts.connections()
    }

    /// Waits until the spans answer the question.
    ///
    /// # Panics
    /// When they do not in time.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut question: impl FnMut(&[Span]) -> Option<T>) -> impl Future<Output = T> {
        eventually(what, async move || question(&self.spans()))
    }

    /// Waits for the span of an exchange with this path, and gives it with all others of its trace.
    ///
    /// # Panics
    /// When there is none in time.
    #[track_caller]
    pub fn exchange(&self, path: &str) -> impl Future<Output = (Span, Vec<Span>)> {
        self.until(path, move |spans| {
            let server = spans.iter().find(|span| span.kind == 2 && span.text("url.path") == path)?.clone();
            let others = spans.iter().filter(|span| span.trace == server.trace && span.id != server.id).cloned();
            Some((server.clone(), others.collect()))
        })
    }
}

// === impl Span ===

impl Span {
    /// The value of an attribute; empty for one that there is not.
    pub fn text(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    fn read(span: &Wire, resource: &BTreeMap<String, String>) -> Self {
        Self {
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            state: span.trace_state.clone(),
            name: span.name.clone(),
            kind: span.kind,
            began: span.start_time_unix_nano,
            ended: span.end_time_unix_nano,
            attributes: attributes(&span.attributes),
            failed: span.status.as_ref().is_some_and(|status| status.code == 2),
            flags: span.flags,
            resource: resource.clone(),
        }
    }
}

// === impl Record ===

impl Record {
    /// The value of an attribute; empty for one that there is not.
    pub fn text(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    fn read(record: &LogRecord, resource: &BTreeMap<String, String>) -> Self {
        Self {
            time: record.time_unix_nano,
            severity: record.severity_number,
            body: text(record.body.as_ref()),
            trace: hex(&record.trace_id),
            attributes: attributes(&record.attributes),
            resource: resource.clone(),
        }
    }
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let is_grpc = head.headers.get("content-type").is_some_and(|kind| kind == "application/grpc");
    let reply = {
        let mut state = locked(&state);
        state.requests.push((head.uri.path().to_owned(), head.headers.clone()));
        state.replies.pop_front().or_else(|| state.always.clone()).unwrap_or(Reply::Taken)
    };
    let Ok(body) = body.collect().await else { return status(StatusCode::BAD_REQUEST) };
    let message = message(&body.to_bytes(), &head.headers, is_grpc);
    let is_logs = head.uri.path().contains("logs");
    match reply {
        Reply::Silence => std::future::pending().await,
        Reply::Status(code, after) => {
            let mut response = status(StatusCode::from_u16(code).expect("a status"));
            if let Some(after) = after {
                response.headers_mut().insert("retry-after", after.parse().expect("a field value"));
            }
            response
        }
        Reply::Grpc(code) => grpc_refusal(code),
        Reply::Taken | Reply::Rejects(_) => {
            if is_logs {
                locked(&state).records.extend(records(&message));
            } else {
                locked(&state).spans.extend(spans(&message));
            }
            let rejected = if let Reply::Rejects(rejected) = reply { rejected } else { 0 };
            taken(rejected, is_logs, is_grpc)
        }
    }
}

/// Of its frame, and of its encoding.
///
/// # Panics
/// When it is not what the protocol says.
fn message(body: &[u8], head: &HeaderMap, is_grpc: bool) -> Vec<u8> {
    let (message, encoding) = if is_grpc {
        let length = u32::from_be_bytes(body[1..5].try_into().expect("the length of a frame"));
        assert_eq!(body.len(), 5 + length as usize, "one frame");
        (&body[5..], (body[0] == 1).then(|| head["grpc-encoding"].clone()))
    } else {
        assert_eq!(head["content-type"], "application/x-protobuf");
        (body, head.get("content-encoding").cloned())
    };
    let Some(encoding) = encoding else { return message.to_vec() };
    assert_eq!(encoding, "gzip");
    let mut plain = Vec::new();
    GzDecoder::new(message).read_to_end(&mut plain).expect("gzip");
    plain
}

fn spans(message: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(message).expect("a request of the protocol");
    let mut spans = Vec::new();
    for told in &request.resource_spans {
        let resource = told.resource.as_ref().map(|resource| attributes(&resource.attributes)).unwrap_or_default();
        let of_scopes = told.scope_spans.iter().flat_map(|scope| &scope.spans);
        spans.extend(of_scopes.map(|span| Span::read(span, &resource)));
    }
    spans
}

fn records(message: &[u8]) -> Vec<Record> {
    let request = ExportLogsServiceRequest::decode(message).expect("a request of the protocol");
    let mut records = Vec::new();
    for told in &request.resource_logs {
        let resource = told.resource.as_ref().map(|resource| attributes(&resource.attributes)).unwrap_or_default();
        let of_scopes = told.scope_logs.iter().flat_map(|scope| &scope.log_records);
        records.extend(of_scopes.map(|record| Record::read(record, &resource)));
    }
    records
}

fn taken(rejected: i64, is_logs: bool, is_grpc: bool) -> Response<Body> {
    let error_message = "by the test".to_owned();
    let message = if is_logs {
        let partial = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message };
        ExportLogsServiceResponse { partial_success: (rejected > 0).then_some(partial) }.encode_to_vec()
    } else {
        let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message };
        ExportTraceServiceResponse { partial_success: (rejected > 0).then_some(partial) }.encode_to_vec()
    };
    let (kind, body) = if is_grpc {
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).expect("a short message"));
        frame.put_slice(&message);
        ("application/grpc", body::with_trailers(frame, &[("grpc-status", "0")]))
    } else {
        ("application/x-protobuf", body::full(Bytes::from(message)))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", kind.parse().expect("a field value"));
    response
}

fn grpc_refusal(code: u32) -> Response<Body> {
    let mut response = Response::new(body::empty());
    response.headers_mut().insert("content-type", "application/grpc".parse().expect("a field value"));
    response.headers_mut().insert("grpc-status", code.into());
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = status;
    response
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref()))).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn locked(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The messages of the protocol, as far as they are told (opentelemetry-proto 1.x). Names and numbers are the protocol's.
//!
//! Our own rather than those of the `opentelemetry-proto` crate, which brings the SDK along; a test reads ours by its.

use prost::{Message, Oneof};

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct ExportTraces {
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
    #[prost(string, tag = "3")]
    pub schema_url: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    pub scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Span {
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    pub trace_state: String,
    /// Empty: none.
    #[prost(bytes = "vec", tag = "4")]
    pub parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    pub name: String,
    #[prost(enumeration = "SpanKind", tag = "6")]
    pub kind: i32,
    #[prost(fixed64, tag = "7")]
    pub start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    pub end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    pub status: Option<Status>,
    /// The flags of the context, and whether the parent is of another process: [`PARENT_IS_KNOWN`], [`PARENT_IS_REMOTE`].
    #[prost(fixed32, tag = "16")]
    pub flags: u32,
}

/// It is known whether the parent is of another process.
pub const PARENT_IS_KNOWN: u32 = 0x100;
/// The parent is of another process.
pub const PARENT_IS_REMOTE: u32 = 0x200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum SpanKind {
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
}

#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(enumeration = "StatusCode", tag = "3")]
    pub code: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum StatusCode {
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// `ExportLogsServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct ExportLogs {
    #[prost(message, repeated, tag = "1")]
    pub resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub scope_logs: Vec<ScopeLogs>,
    #[prost(string, tag = "3")]
    pub schema_url: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    pub scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, Message)]
pub struct LogRecord {
    #[prost(fixed64, tag = "1")]
    pub time_unix_nano: u64,
    #[prost(fixed64, tag = "11")]
    pub observed_time_unix_nano: u64,
    /// 9 is information, 13 a warning, 17 an error.
    #[prost(int32, tag = "2")]
    pub severity_number: i32,
    #[prost(string, tag = "3")]
    pub severity_text: String,
    #[prost(message, optional, tag = "5")]
    pub body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    pub attributes: Vec<KeyValue>,
    /// Of the context.
    #[prost(fixed32, tag = "8")]
    pub flags: u32,
    /// Empty: none.
    #[prost(bytes = "vec", tag = "9")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub span_id: Vec<u8>,
    #[prost(string, tag = "12")]
    pub event_name: String,
}

/// Who tells.
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

/// Which part of the program.
#[derive(Clone, PartialEq, Message)]
pub struct Scope {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    pub value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(List),
}

#[derive(Clone, PartialEq, Message)]
pub struct List {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

/// The answer to either request; those of both signals look the same.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exported {
    #[prost(message, optional, tag = "1")]
    pub(crate) partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}

/// `google.rpc.Status`, which says more of a gRPC status.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<RpcDetail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcDetail {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(crate) retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Delay {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

// === impl KeyValue ===

impl KeyValue {
    pub fn new(key: &str, value: impl Into<Value>) -> Self {
        Self { key: key.to_owned(), value: Some(AnyValue { value: Some(value.into()) }) }
    }
}

// === impl Value ===

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
        common::v1::any_value,
    };

    use super::*;

    fn everything() -> Vec<KeyValue> {
        let list = List { values: vec![AnyValue { value: Some(Value::Bool(true)) }] };
        vec![
            KeyValue::new("text", "a"),
            KeyValue::new("number", 7),
            KeyValue::new("yes", true),
            KeyValue::new("half", 0.5),
            KeyValue::new("list", Value::List(list)),
        ]
    }

    fn scope() -> Option<Scope> {
        Some(Scope { name: "sluice".to_owned(), version: "1".to_owned() })
    }

    /// The other way round as well: whatever is not zero comes back, so no number of a field is wrong.
    #[test]
    fn spans_are_what_everybody_reads() {
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            trace_state: "a=1".to_owned(),
            parent_span_id: vec![3; 8],
            name: "GET /a".to_owned(),
            kind: SpanKind::Server as i32,
            start_time_unix_nano: 4,
            end_time_unix_nano: 5,
            attributes: everything(),
            status: Some(Status { message: "why".to_owned(), code: StatusCode::Error as i32 }),
            flags: 0x301,
        };
        let ours = ExportTraces {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource { attributes: everything() }),
                scope_spans: vec![ScopeSpans { scope: scope(), spans: vec![span] }],
                schema_url: "url".to_owned(),
            }],
        };
        let theirs = ExportTraceServiceRequest::decode(&*ours.encode_to_vec()).unwrap();
        let span = &theirs.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!((&*span.name, span.kind, span.flags, span.end_time_unix_nano), ("GET /a", 2, 0x301, 5));
        let value = |index: usize| span.attributes[index].value.clone().and_then(|value| value.value);
        assert_eq!(value(0), Some(any_value::Value::StringValue("a".to_owned())));
        assert_eq!(value(1), Some(any_value::Value::IntValue(7)));
        assert_eq!(span.status.as_ref().map(|status| (&*status.message, status.code)), Some(("why", 2)));
        assert_eq!(ExportTraces::decode(&*theirs.encode_to_vec()).unwrap(), ours);
    }

    #[test]
    fn records_are_what_everybody_reads() {
        let record = LogRecord {
            time_unix_nano: 1,
            observed_time_unix_nano: 2,
            severity_number: 9,
            severity_text: "INFO".to_owned(),
            body: Some(AnyValue { value: Some("line".into()) }),
            attributes: everything(),
            flags: 1,
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            event_name: "exchange".to_owned(),
        };
        let ours = ExportLogs {
            resource_logs: vec![ResourceLogs {
                resource: Some(Resource { attributes: everything() }),
                scope_logs: vec![ScopeLogs { scope: scope(), log_records: vec![record] }],
                schema_url: "url".to_owned(),
            }],
        };
        let theirs = ExportLogsServiceRequest::decode(&*ours.encode_to_vec()).unwrap();
        let record = &theirs.resource_logs[0].scope_logs[0].log_records[0];
        assert_eq!((&*record.severity_text, record.severity_number, &*record.event_name), ("INFO", 9, "exchange"));
        assert_eq!(ExportLogs::decode(&*theirs.encode_to_vec()).unwrap(), ours);
    }
}

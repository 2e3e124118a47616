//! What there is to say of an exchange.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, StatusCode, header};
use message::{Cause, Nearest, Record, TraceId};
use model::values::LogField;

use crate::{Protocol, Timing};

/// An exchange, as logs tell it. Borrows everything: nothing is made for a log alone.
#[derive(Debug)]
pub struct Line<'a> {
    /// When the request began.
    pub time: SystemTime,
    pub record: &'a Record,
    pub timing: &'a Timing,
    pub protocol: Protocol,
    /// Through trusted proxies.
    pub client: IpAddr,
    /// Where the connection came from.
    pub peer: IpAddr,
    pub method: &'a str,
    pub scheme: &'a str,
    pub host: &'a [u8],
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub listener: Option<&'a str>,
    pub route: Option<&'a str>,
    /// Of the route, if it has several.
    pub side: Option<&'a str>,
    /// Of the last attempt, as is `endpoint`.
    pub upstream: Option<&'a str>,
    pub endpoint: Option<&'a str>,
    pub request_id: Option<&'a [u8]>,
    /// `None` where the document asks for no traces.
    pub trace_id: Option<TraceId>,
    pub consumer: Option<&'a str>,
    pub sni: Option<&'a str>,
    pub request_headers: &'a HeaderMap,
    /// Those that [`WorkerLog::response_headers`](super::WorkerLog::response_headers) names, if there was a response.
    pub response_headers: Option<&'a HeaderMap>,
}

/// One thing that a line says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    Absent,
    /// Something that was kept secret.
    Hidden,
    /// There is nothing to escape in it.
    Word(&'a str),
    Text(&'a [u8]),
    Path(&'a [u8]),
    Query(&'a [u8]),
    /// Something that is, or may hold, an address.
    Url(&'a [u8]),
    Integer(u64),
    Millis(Duration),
    Time(SystemTime),
    Address(IpAddr),
    Trace(TraceId),
    Nearest(&'a Nearest),
}

/// How bad it was, as syslog counts it (RFC 5424, 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Error = 3,
    Warning = 4,
    Info = 6,
}

/// What the client got. If it went away before that, the 499 that operators look for.
pub(super) fn status(record: &Record) -> Option<StatusCode> {
    let gone = record.cause.filter(|cause| matches!(cause, Cause::ClientClosed | Cause::ClientStalled));
    record.status.or_else(|| Some(gone?.status()))
}

// === impl Line ===

impl<'a> Line<'a> {
    /// Of something of which nothing is known but who sent it, and what came of it.
    pub fn unknown(record: &'a Record, timing: &'a Timing, client: IpAddr, request_headers: &'a HeaderMap) -> Self {
        Self {
            time: SystemTime::UNIX_EPOCH,
            record,
            timing,
            protocol: Protocol::Http1,
            client,
            peer: client,
            method: "",
            scheme: "http",
            host: b"",
            path: "",
            query: None,
            listener: None,
            route: None,
            side: None,
            upstream: None,
            endpoint: None,
            request_id: None,
            consumer: None,
            sni: None,
            request_headers,
            response_headers: None,
            trace_id: None,
        }
    }

    /// What the client got. If it went away before that, the 499 that operators look for.
    pub(crate) fn status(&self) -> Option<u64> {
        status(self.record).map(|status| u64::from(status.as_u16()))
    }

    pub(super) fn tell(&self, field: LogField) -> Told<'a> {
        let text = |value: Option<&'a str>| value.map_or(Told::Absent, |value| Told::Text(value.as_bytes()));
        match field {
            LogField::Time => Told::Time(self.time),
            LogField::Client => Told::Address(self.client),
            LogField::Peer => Told::Address(self.peer),
            LogField::Method => Told::Text(self.method.as_bytes()),
            LogField::Scheme => Told::Word(self.scheme),
            LogField::Host => Told::Text(self.host),
            LogField::Path => Told::Path(self.path.as_bytes()),
            LogField::Query => self.query.map_or(Told::Absent, |query| Told::Query(query.as_bytes())),
            LogField::Protocol => Told::Word(self.protocol.name()),
            LogField::Status => self.status().map_or(Told::Absent, Told::Integer),
            LogField::Cause => self.record.cause.map_or(Told::Absent, |cause| Told::Word(cause.name())),
            LogField::Nearest => self.record.nearest.as_deref().map_or(Told::Absent, Told::Nearest),
            LogField::Listener => text(self.listener),
            LogField::Route => text(self.route),
            LogField::Side => text(self.side),
            LogField::Upstream => text(self.upstream),
            LogField::Endpoint => text(self.endpoint),
            LogField::Attempts => Told::Integer(self.record.attempts.len() as u64),
            LogField::DurationMs => Told::Millis(self.timing.total),
            LogField::OverheadMs => self.timing.overhead.map_or(Told::Absent, Told::Millis),
            LogField::UpstreamMs => match &self.record.attempts[..] {
                [] => Told::Absent,
                attempts => Told::Millis(attempts.iter().map(|attempt| attempt.duration).sum()),
            },
            LogField::RequestBytes => Told::Integer(self.record.request_bytes),
            LogField::ResponseBytes => Told::Integer(self.record.response_bytes),
            LogField::UserAgent => match self.request_headers.get(header::USER_AGENT) {
                Some(value) => Told::Text(value.as_bytes()),
                None => Told::Absent,
            },
            LogField::Referer => value(self.request_headers, &header::REFERER),
            LogField::RequestId => self.request_id.map_or(Told::Absent, Told::Text),
            LogField::TraceId => self.trace_id.map_or(Told::Absent, Told::Trace),
            LogField::Consumer => text(self.consumer),
            LogField::Sni => text(self.sni),
        }
    }

    pub(super) fn tell_request_header(&self, name: &HeaderName) -> Told<'a> {
        value(self.request_headers, name)
    }

    pub(super) fn tell_response_header(&self, name: &HeaderName) -> Told<'a> {
        self.response_headers.map_or(Told::Absent, |headers| value(headers, name))
    }

    pub(super) fn severity(&self) -> Severity {
        match (status(self.record), self.record.cause) {
            (Some(status), _) if status.is_server_error() => Severity::Error,
            (Some(status), _) if status.is_client_error() => Severity::Warning,
            (_, Some(_)) => Severity::Warning,
            _ => Severity::Info,
        }
    }

    /// When the request began, in nanoseconds since 1970.
    pub(crate) fn nanos(&self) -> u64 {
        let since = self.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The first one, if there are several.
fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Told<'a> {
    match headers.get(name) {
        None => Told::Absent,
        // A policy found out that it is one, whatever it is called.
        Some(secret) if secret.is_sensitive() => Told::Hidden,
        Some(value) => Told::Url(value.as_bytes()),
    }
}

// === impl Severity ===

impl Severity {
    /// As OpenTelemetry counts it.
    pub(super) const fn otlp(self) -> (u64, &'static str) {
        match self {
            Self::Error => (17, "ERROR"),
            Self::Warning => (13, "WARN"),
            Self::Info => (9, "INFO"),
        }
    }
}

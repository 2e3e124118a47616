//! From what the document says to pieces.

use std::process;

use http::HeaderName;
use model::{AccessLog, HttpLog, LogFormat, LogItem, LogPart, LogShape, LogSink, Syslog, values::LogField};

use super::{Attribute, Form, Format, Piece, Redaction, Style, Text, What};

/// Puts pieces together: bytes gather until a value follows them.
struct Builder {
    redaction: Redaction,
    pieces: Vec<Piece>,
    before: Vec<u8>,
}

// === impl Format ===

impl Format {
    /// The form that the log wants its lines to have, for its sink.
    pub(in crate::access_log) fn of(log: &AccessLog) -> Self {
        let redaction = Redaction::of(&log.redact);
        let mut body = Builder::new(&redaction);
        let (style, end): (_, &[u8]) = match &log.format {
            LogFormat::Otlp(items) => return Self { form: Form::Record(attributes(items, &redaction)), redaction },
            LogFormat::Json(items) => {
                body.json(items, time_name(&log.sink));
                (Style::Json, b"}\n")
            }
            LogFormat::Logfmt(items) => {
                body.logfmt(items);
                (Style::Logfmt, b"\n")
            }
            LogFormat::Template(parts) => {
                body.template(parts);
                (Style::Template, b"\n")
            }
        };
        let (pieces, rest) = body.finish();
        let end = [&rest[..], end].concat().into();
        Self { form: Form::Text(Text { style, head: head(&log.sink, &redaction), pieces, end }), redaction }
    }
}

/// Documents of Elasticsearch have a field of this name where they are about time.
fn time_name(sink: &LogSink) -> &'static str {
    match sink {
        LogSink::Http(HttpLog { shape: LogShape::Elasticsearch { .. }, .. }) => "@timestamp",
        _ => LogField::Time.name(),
    }
}

/// What stands before each line for its transport.
fn head(sink: &LogSink, redaction: &Redaction) -> Vec<Piece> {
    let mut head = Builder::new(redaction);
    match sink {
        LogSink::Stdout | LogSink::File { .. } | LogSink::Otlp(_) => {}
        LogSink::Syslog(syslog) => head.syslog(syslog),
        LogSink::Http(HttpLog { shape: LogShape::Loki { .. }, .. }) => {
            head.what(What::Nanos);
            head.text(" ");
        }
        LogSink::Http(_) => {}
    }
    let (mut pieces, rest) = head.finish();
    if !rest.is_empty() {
        pieces.push(Piece { before: rest.into(), what: What::Nothing, is_quoted: false });
    }
    pieces
}

// === impl Builder ===

impl Builder {
    fn new(redaction: &Redaction) -> Self {
        Self { redaction: redaction.clone(), pieces: Vec::new(), before: Vec::new() }
    }

    /// The pieces, and the bytes behind the last value.
    fn finish(self) -> (Vec<Piece>, Vec<u8>) {
        (self.pieces, self.before)
    }

    fn text(&mut self, text: &str) {
        self.before.extend_from_slice(text.as_bytes());
    }

    fn what(&mut self, what: What) {
        self.pieces.push(Piece { before: std::mem::take(&mut self.before).into(), what, is_quoted: false });
    }

    fn item(&mut self, item: &LogItem) {
        self.what(What::of(item, &self.redaction));
    }

    /// Fields of heads stand in objects of their own.
    fn json(&mut self, items: &[LogItem], time: &str) {
        self.text("{");
        let mut open = None;
        for (index, item) in items.iter().enumerate() {
            let group = group(item);
            if open != group && open.is_some() {
                self.text("}");
            }
            if index > 0 {
                self.text(",");
            }
            if let (Some(name), true) = (group, open != group) {
                self.text("\"");
                self.text(name);
                self.text("\":{");
            }
            open = group;
            let name = if *item == LogItem::Field(LogField::Time) { time } else { name(item) };
            self.text("\"");
            self.text(name);
            self.text("\":");
            self.json_value(What::of(item, &self.redaction));
        }
        if open.is_some() {
            self.text("}");
        }
    }

    /// Quotes are written with what stands around them.
    fn json_value(&mut self, what: What) {
        let is_quoted = what.is_string();
        let quote = if is_quoted { "\"" } else { "" };
        self.text(quote);
        self.pieces.push(Piece { before: std::mem::take(&mut self.before).into(), what, is_quoted });
        self.text(quote);
    }

    fn logfmt(&mut self, items: &[LogItem]) {
        for item in items {
            if let Some(group) = group(item) {
                self.text(group);
                self.text(".");
            }
            self.text(name(item));
            self.text("=");
            self.item(item);
        }
    }

    fn template(&mut self, parts: &[LogPart]) {
        for part in parts {
            match part {
                LogPart::Literal(text) => self.text(text),
                LogPart::Item(item) => self.item(item),
            }
        }
    }

    /// The header of RFC 5424, 6.2.
    fn syslog(&mut self, syslog: &Syslog) {
        let host = rustix::system::uname();
        let host = host.nodename().to_str().unwrap_or_default();
        let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
        let host = if host.is_empty() { "-" } else { &host };
        self.text("<");
        self.what(What::Priority(syslog.facility));
        self.text(">1 ");
        self.what(What::Field(LogField::Time));
        self.text(&format!(" {host} {} {} access - ", syslog.app_name, process::id()));
    }
}

// === impl What ===

impl What {
    fn of(item: &LogItem, redaction: &Redaction) -> Self {
        let hides = |name: &HeaderName| redaction.hides(name.as_str().as_bytes());
        match item {
            LogItem::Field(field) => Self::Field(*field),
            LogItem::RequestHeader(name) if hides(name) => Self::HasRequestHeader(name.clone()),
            LogItem::RequestHeader(name) => Self::RequestHeader(name.clone()),
            LogItem::ResponseHeader(name) if hides(name) => Self::HasResponseHeader(name.clone()),
            LogItem::ResponseHeader(name) => Self::ResponseHeader(name.clone()),
        }
    }
}

/// Attributes, named by the conventions of OpenTelemetry where those have a name.
fn attributes(items: &[LogItem], redaction: &Redaction) -> Vec<Attribute> {
    // Log records have a place of their own for these.
    let own = [LogItem::Field(LogField::Time), LogItem::Field(LogField::TraceId)];
    let attribute = |item: &LogItem| {
        let key = match item {
            LogItem::Field(field) => attribute(*field).into(),
            LogItem::RequestHeader(name) => format!("http.request.header.{name}").into(),
            LogItem::ResponseHeader(name) => format!("http.response.header.{name}").into(),
        };
        Attribute { key, what: What::of(item, redaction) }
    };
    items.iter().filter(|item| !own.contains(item)).map(attribute).collect()
}

/// The object that it stands in.
fn group(item: &LogItem) -> Option<&'static str> {
    match item {
        LogItem::Field(_) => None,
        LogItem::RequestHeader(_) => Some("request_headers"),
        LogItem::ResponseHeader(_) => Some("response_headers"),
    }
}

fn name(item: &LogItem) -> &str {
    match item {
        LogItem::Field(field) => field.name(),
        LogItem::RequestHeader(name) | LogItem::ResponseHeader(name) => name.as_str(),
    }
}

fn attribute(field: LogField) -> &'static str {
    match field {
        LogField::Time => "time",
        LogField::Client => "client.address",
        LogField::Peer => "network.peer.address",
        LogField::Method => "http.request.method",
        LogField::Scheme => "url.scheme",
        LogField::Host => "server.address",
        LogField::Path => "url.path",
        LogField::Query => "url.query",
        LogField::Protocol => "sluice.protocol",
        LogField::Status => "http.response.status_code",
        LogField::Cause => "error.type",
        LogField::Nearest => "sluice.nearest",
        LogField::Listener => "sluice.listener",
        LogField::Route => "sluice.route",
        LogField::Side => "sluice.side",
        LogField::Upstream => "sluice.upstream",
        LogField::Endpoint => "sluice.endpoint",
        LogField::Attempts => "sluice.attempts",
        LogField::DurationMs => "sluice.duration_ms",
        LogField::OverheadMs => "sluice.overhead_ms",
        LogField::UpstreamMs => "sluice.upstream_ms",
        LogField::RequestBytes => "http.request.body.size",
        LogField::ResponseBytes => "http.response.body.size",
        LogField::UserAgent => "user_agent.original",
        LogField::Referer => "http.request.header.referer",
        LogField::RequestId => "sluice.request_id",
        LogField::TraceId => "trace_id",
        LogField::Consumer => "sluice.consumer",
        LogField::Sni => "tls.server_name",
    }
}

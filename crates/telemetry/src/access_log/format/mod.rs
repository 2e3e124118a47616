//! How a line is written: compiled once into pieces, each some bytes and a value.

mod compile;
mod escape;
/// Log records of OTLP.
mod record;

use std::io::Write;

use http::HeaderName;
use message::Nearest;
use model::values::LogField;

use super::{
    line::{Line, Told},
    redact::{HIDDEN, Redaction},
    timestamp::Timestamp,
};
pub(super) use escape::escape;

/// The form of a log's lines. Equal ones write equal lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format {
    form: Form,
    redaction: Redaction,
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    Text(Text),
    /// A record of OTLP, with these attributes.
    Record(Vec<Attribute>),
}

#[derive(Debug, PartialEq, Eq)]
struct Text {
    style: Style,
    /// What its transport wants to have before each line.
    head: Vec<Piece>,
    pieces: Vec<Piece>,
    end: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// What is not there is `null`.
    Json,
    /// What is not there is left out.
    Logfmt,
    /// What is not there is `-`.
    Template,
    /// As it is, as long as it is UTF-8: for those who say beforehand how long it is.
    Bare,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    before: Box<[u8]>,
    what: What,
    /// Its quotes are the last byte before it and the first one behind it. They are taken back if it is not there.
    is_quoted: bool,
}

/// An attribute of a record; left out if it has no value.
#[derive(Debug, PartialEq, Eq)]
struct Attribute {
    key: Box<str>,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// The bytes before it are all.
    Nothing,
    Field(LogField),
    RequestHeader(HeaderName),
    ResponseHeader(HeaderName),
    /// A field of a head whose value is secret: whether it is there.
    HasRequestHeader(HeaderName),
    HasResponseHeader(HeaderName),
    /// The priority of a message of syslog, given its facility.
    Priority(u8),
    /// Nanoseconds since 1970.
    Nanos,
}

// === impl Format ===

impl Format {
    /// Appends the line, with its end.
    pub(super) fn write(&self, line: &Line<'_>, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        match &self.form {
            Form::Text(text) => self.text(text, line, timestamp, out),
            Form::Record(attributes) => self.record(attributes, line, timestamp, out),
        }
    }

    /// The header fields of responses that it tells.
    pub(super) fn response_headers(&self) -> Vec<&HeaderName> {
        match &self.form {
            Form::Text(text) => text.pieces.iter().filter_map(|piece| piece.what.response_header()).collect(),
            Form::Record(attributes) => attributes.iter().filter_map(|it| it.what.response_header()).collect(),
        }
    }

    fn text(&self, text: &Text, line: &Line<'_>, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        let Text { style, head, pieces, end } = text;
        for Piece { before, what, .. } in head {
            out.extend_from_slice(before);
            self.value(Style::Template, what.told(line), timestamp, out);
        }
        let leaves_out = *style == Style::Logfmt;
        let begin = out.len();
        let mut taken_back = 0;
        for Piece { before, what, is_quoted } in pieces {
            let told = what.told(line);
            let is_absent = matches!(told, Told::Absent);
            if leaves_out && is_absent {
                continue;
            }
            if leaves_out && out.len() > begin {
                out.push(b' ');
            }
            let before = &before[taken_back..];
            taken_back = usize::from(*is_quoted && is_absent);
            out.extend_from_slice(&before[..before.len() - taken_back]);
            if !matches!(what, What::Nothing) {
                self.value(*style, told, timestamp, out);
            }
        }
        out.extend_from_slice(&end[taken_back..]);
    }

    fn value(&self, style: Style, told: Told<'_>, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        let redaction = &self.redaction;
        match told {
            Told::Absent => match style {
                Style::Json => out.extend_from_slice(b"null"),
                Style::Template | Style::Bare => out.push(b'-'),
                // Left out, with what stands before it.
                Style::Logfmt => {}
            },
            Told::Integer(value) => escape::integer(out, value),
            Told::Millis(value) => escape::millis(out, value),
            Told::Word(word) => out.extend_from_slice(word.as_bytes()),
            Told::Address(address) => escape::address(out, address),
            Told::Trace(id) => _ = write!(out, "{id}"),
            Told::Time(time) => timestamp.format(time, out),
            Told::Hidden => out.extend_from_slice(HIDDEN),
            Told::Text(text) if style == Style::Logfmt && escape::is_bare(text) => out.extend_from_slice(text),
            Told::Path(path) if style == Style::Logfmt && escape::is_bare(path) && !path.contains(&b';') => {
                out.extend_from_slice(path);
            }
            Told::Text(text) => style.text(out, |out| style.put(out, text)),
            Told::Path(path) => style.text(out, |out| redaction.path(path, |piece| style.put(out, piece))),
            Told::Query(query) => style.text(out, |out| redaction.query(query, |piece| style.put(out, piece))),
            Told::Url(value) => style.text(out, |out| redaction.address(value, |piece| style.put(out, piece))),
            Told::Nearest(routes) if style == Style::Json => nearest(out, routes),
            Told::Nearest(routes) => style.text(out, |out| {
                for (index, near) in routes.routes.iter().enumerate() {
                    out.extend_from_slice(if index == 0 { b"" } else { b"; " });
                    style.put(out, near.route.as_bytes());
                    out.extend_from_slice(b": ");
                    style.put(out, near.miss.as_bytes());
                }
            }),
        }
    }
}

/// The routes that came nearest, as the answer tells them.
fn nearest(out: &mut Vec<u8>, nearest: &Nearest) {
    out.push(b'[');
    for (index, near) in nearest.routes.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{\"route\":\"" } else { b",{\"route\":\"" });
        escape(out, near.route.as_bytes());
        out.extend_from_slice(b"\",\"miss\":\"");
        escape(out, near.miss.as_bytes());
        out.extend_from_slice(b"\"}");
    }
    out.push(b']');
}

// === impl What ===

impl What {
    fn told<'a>(&self, line: &Line<'a>) -> Told<'a> {
        match self {
            Self::Nothing => Told::Word(""),
            Self::Field(field) => line.tell(*field),
            Self::RequestHeader(name) => line.tell_request_header(name),
            Self::ResponseHeader(name) => line.tell_response_header(name),
            Self::HasRequestHeader(name) => hidden(line.tell_request_header(name)),
            Self::HasResponseHeader(name) => hidden(line.tell_response_header(name)),
            Self::Priority(facility) => Told::Integer(u64::from(*facility) * 8 + line.severity() as u64),
            Self::Nanos => Told::Integer(line.nanos()),
        }
    }

    /// Whether it is a string to JSON, if it is there.
    fn is_string(&self) -> bool {
        use LogField::{Attempts, DurationMs, Nearest, OverheadMs, RequestBytes, ResponseBytes, Status, UpstreamMs};
        match self {
            Self::Field(Attempts | DurationMs | OverheadMs | RequestBytes | ResponseBytes | Status | UpstreamMs) => {
                false
            }
            // A list.
            Self::Field(Nearest) => false,
            Self::Nothing | Self::Priority(_) | Self::Nanos => false,
            Self::Field(_) => true,
            Self::RequestHeader(_) | Self::ResponseHeader(_) => true,
            Self::HasRequestHeader(_) | Self::HasResponseHeader(_) => true,
        }
    }

    fn response_header(&self) -> Option<&HeaderName> {
        match self {
            Self::ResponseHeader(name) | Self::HasResponseHeader(name) => Some(name),
            _ => None,
        }
    }
}

fn hidden(told: Told<'_>) -> Told<'_> {
    match told {
        Told::Absent => Told::Absent,
        _ => Told::Hidden,
    }
}

// === impl Style ===

impl Style {
    /// Something that needs quotes where they are a choice. `write` escapes it.
    fn text(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self != Self::Logfmt {
            return write(out);
        }
        out.push(b'"');
        write(out);
        out.push(b'"');
    }

    /// What a client sent, so that it does no harm.
    fn put(self, out: &mut Vec<u8>, bytes: &[u8]) {
        match self {
            Self::Json | Self::Logfmt | Self::Template => escape(out, bytes),
            Self::Bare => escape::lossy(out, bytes),
        }
    }
}

#[cfg(test)]
mod tests;

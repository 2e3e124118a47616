//! How a line is written: compiled once into pieces, each some bytes and a value.

mod compile;
mod escape;

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
    style: Style,
    /// What its transport wants to have before each line.
    head: Vec<Piece>,
    pieces: Vec<Piece>,
    end: Box<[u8]>,
    redaction: Redaction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// What is not there is `null`.
    Json,
    /// What is not there is left out.
    Logfmt,
    /// What is not there is `-`.
    Template,
    /// Values of OTLP as JSON; what is not there is left out.
    Otlp,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    before: Box<[u8]>,
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
    /// The trace, or an empty text.
    TraceId,
    /// The number and the name of the severity, as OTLP has them.
    SeverityNumber,
    SeverityText,
}

// === impl Format ===

impl Format {
    /// Appends the line, with its end.
    pub(super) fn write(&self, line: &Line<'_>, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        for Piece { before, what } in &self.head {
            out.extend_from_slice(before);
            self.value(Style::Template, what.told(line), timestamp, out);
        }
        let separator = self.style.separator();
        let begin = out.len();
        for Piece { before, what } in &self.pieces {
            let told = what.told(line);
            if separator.is_some() && matches!(told, Told::Absent) {
                continue;
            }
            out.extend_from_slice(before);
            if *what != What::Nothing {
                self.value(self.style, told, timestamp, out);
                out.extend_from_slice(self.style.after());
            }
        }
        if separator.is_some() && out.len() > begin {
            out.pop();
        }
        out.extend_from_slice(&self.end);
    }

    /// The header fields of responses that it tells.
    pub(super) fn response_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.pieces.iter().filter_map(|piece| match &piece.what {
            What::ResponseHeader(name) | What::HasResponseHeader(name) => Some(name),
            _ => None,
        })
    }

    fn value(&self, style: Style, told: Told<'_>, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        let redaction = &self.redaction;
        match told {
            Told::Absent => match style {
                Style::Json => out.extend_from_slice(b"null"),
                Style::Template => out.push(b'-'),
                // Left out, with what stands before it.
                Style::Logfmt | Style::Otlp => {}
            },
            Told::Integer(value) => style.number(out, "intValue", |out| escape::integer(out, value)),
            Told::Millis(value) => style.number(out, "doubleValue", |out| escape::millis(out, value)),
            Told::Word(word) => style.word(out, |out| out.extend_from_slice(word.as_bytes())),
            Told::Address(address) => style.word(out, |out| escape::address(out, address)),
            Told::Trace(id) => style.word(out, |out| _ = write!(out, "{id}")),
            Told::Time(time) => style.word(out, |out| timestamp.format(time, out)),
            Told::Hidden => style.word(out, |out| out.extend_from_slice(HIDDEN)),
            Told::Text(text) if style == Style::Logfmt && escape::is_bare(text) => out.extend_from_slice(text),
            Told::Path(path) if style == Style::Logfmt && escape::is_bare(path) && !path.contains(&b';') => {
                out.extend_from_slice(path);
            }
            Told::Text(text) => style.text(out, |out| escape(out, text)),
            Told::Path(path) => style.text(out, |out| redaction.path(path, |piece| escape(out, piece))),
            Told::Query(query) => style.text(out, |out| redaction.query(query, |piece| escape(out, piece))),
            Told::Url(value) => style.text(out, |out| redaction.address(value, |piece| escape(out, piece))),
            Told::Nearest(routes) if style == Style::Json => nearest(out, routes),
            Told::Nearest(routes) => style.text(out, |out| {
                for (index, near) in routes.routes.iter().enumerate() {
                    out.extend_from_slice(if index == 0 { b"" } else { b"; " });
                    escape(out, near.route.as_bytes());
                    out.extend_from_slice(b": ");
                    escape(out, near.miss.as_bytes());
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
            Self::TraceId => line.trace_id.map_or(Told::Word(""), Told::Trace),
            Self::SeverityNumber => Told::Integer(line.severity().otlp().0),
            Self::SeverityText => Told::Word(line.severity().otlp().1),
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
    /// What stands between two values, if those that are not there are left out.
    const fn separator(self) -> Option<u8> {
        match self {
            Self::Json | Self::Template => None,
            Self::Logfmt => Some(b' '),
            Self::Otlp => Some(b','),
        }
    }

    /// What stands behind a value, the separator included.
    const fn after(self) -> &'static [u8] {
        match self {
            Self::Json | Self::Template => b"",
            Self::Logfmt => b" ",
            Self::Otlp => b"},",
        }
    }

    /// Something that stands for itself where quotes are a choice.
    fn word(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self == Self::Logfmt { write(out) } else { self.text(out, write) }
    }

    /// `write` escapes it.
    fn text(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let (open, close): (&[u8], &[u8]) = match self {
            Self::Json | Self::Logfmt => (b"\"", b"\""),
            Self::Template => (b"", b""),
            Self::Otlp => (b"{\"stringValue\":\"", b"\"}"),
        };
        out.extend_from_slice(open);
        write(out);
        out.extend_from_slice(close);
    }

    fn number(self, out: &mut Vec<u8>, kind: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if self != Self::Otlp {
            return write(out);
        }
        // Whole numbers stand in quotes there, because JavaScript has none of 64 bits.
        let quote: &[u8] = if kind == "intValue" { b"\"" } else { b"" };
        for part in [b"{\"", kind.as_bytes(), b"\":", quote] {
            out.extend_from_slice(part);
        }
        write(out);
        out.extend_from_slice(quote);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests;

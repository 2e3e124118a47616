//! A log record of OTLP, written as a field of `ScopeLogs`: so the records of a worker, one after the other, are the rest of one.

use model::values::LogField;
use otlp::wire;

use super::{Attribute, Format, Line, Style, Timestamp, Told, What};

/// Numbers of fields of `LogRecord`.
const TIME: u32 = 1;
const SEVERITY_NUMBER: u32 = 2;
const SEVERITY_TEXT: u32 = 3;
const BODY: u32 = 5;
const ATTRIBUTES: u32 = 6;
const TRACE_ID: u32 = 9;

// === impl Format ===

impl Format {
    pub(super) fn record(
        &self,
        attributes: &[Attribute],
        line: &Line<'_>,
        timestamp: &mut Timestamp,
        out: &mut Vec<u8>,
    ) {
        let (number, name) = line.severity().otlp();
        wire::nested(out, otlp::ITEM, |out| {
            wire::fixed64(out, TIME, line.nanos());
            wire::integer(out, SEVERITY_NUMBER, number);
            wire::bytes(out, SEVERITY_TEXT, name.as_bytes());
            wire::nested(out, BODY, |out| wire::written(out, |out| self.body(line, timestamp, out)));
            for Attribute { key, what } in attributes {
                let told = what.told(line);
                if !matches!(told, Told::Absent) {
                    wire::attribute(out, ATTRIBUTES, key, |out| self.any_value(told, timestamp, out));
                }
            }
            if let Some(id) = line.trace_id {
                wire::bytes(out, TRACE_ID, id.bytes());
            }
        });
    }

    /// For people.
    fn body(&self, line: &Line<'_>, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        for (index, field) in [LogField::Method, LogField::Path, LogField::Status].into_iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            self.value(Style::Bare, What::Field(field).told(line), timestamp, out);
        }
    }

    fn any_value(&self, told: Told<'_>, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        match told {
            Told::Integer(value) => wire::number(out, value),
            // To the microsecond, as everywhere.
            Told::Millis(value) => wire::double(out, value.as_micros() as f64 / 1_000.0),
            told => wire::written(out, |out| self.value(Style::Bare, told, timestamp, out)),
        }
    }
}

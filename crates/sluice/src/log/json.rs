//! Lines as JSON.

use std::{
    fmt::{self, Write},
    time::SystemTime,
};

use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// One object per line: `time`, `level`, `target`, `message`, then what else is known.
pub(super) struct Json;

/// Writes fields as they come; what is not a number or a truth value is a text.
struct Fields<'w> {
    text: &'w mut String,
}

// === impl Json ===

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut text = String::with_capacity(256);
        let level = metadata.level().as_str().to_ascii_lowercase();
        let time = telemetry::rfc3339(SystemTime::now());
        write!(text, "{{\"time\":\"{time}\",\"level\":\"{level}\",\"target\":{}", Value::from(metadata.target()))?;
        event.record(&mut Fields { text: &mut text });
        text.push('}');
        writeln!(writer, "{text}")
    }
}

// === impl Fields ===

impl Fields<'_> {
    fn field(&mut self, field: &Field, value: &Value) {
        // A string takes everything.
        _ = write!(self.text, ",{}:{value}", Value::from(name(field)));
    }
}

/// The names that every line has are taken.
fn name(field: &Field) -> &str {
    match field.name() {
        "time" => "field.time",
        "level" => "field.level",
        "target" => "field.target",
        name => name,
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, &Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, &Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, &Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, &Value::from(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        // What does not fit is no number that anybody reads.
        self.record_u64(field, u64::try_from(value).unwrap_or(u64::MAX));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, &Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, &Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn whatever_is_said_is_one_object() {
        let written = Written::default();
        let layer = tracing_subscriber::fmt::layer().event_format(Json).with_writer(written.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let path = "a\n\"b\"";
            tracing::warn!(target: "proxy", path, ms = 7_u128, good = true, level = "x", error = %"broken", "it \"failed\"");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        assert!(line.as_object_mut().unwrap().remove("time").unwrap().is_string());
        let expected = serde_json::json!({
            "level": "warn", "target": "proxy", "message": "it \"failed\"", "path": "a\n\"b\"", "ms": 7, "good": true,
            "field.level": "x", "error": "broken",
        });
        assert_eq!(line, expected);
    }
}

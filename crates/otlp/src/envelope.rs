use crate::{Kind, wire};

/// What goes around spans or log records, so that whoever writes them need not know who tells: workers write each as a field of
/// `ScopeSpans` or `ScopeLogs`, and those of several workers, one after the other, are the rest of one request.
#[derive(Debug)]
pub struct Envelope {
    pub(crate) kind: Kind,
    /// `ResourceSpans` or `ResourceLogs`, without what the scope holds.
    resource: Vec<u8>,
    /// `ScopeSpans` or `ScopeLogs`, without spans or records.
    scope: Vec<u8>,
}

/// The part of the program that tells (`InstrumentationScope`).
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub name: &'a str,
    /// Empty: not told.
    pub version: &'a str,
    /// Of the conventions that attributes follow; empty: none.
    pub schema_url: &'a str,
}

/// What gRPC writes before a message: whether it is compressed, and how long it is.
pub(crate) const FRAME: usize = 5;

/// Number and length of a message below 32 GiB.
const LONGEST_HEAD: usize = 1 + 5;

/// The number of a span in `ScopeSpans`, and of a record in `ScopeLogs`.
pub const ITEM: u32 = 2;

/// Numbers of fields, the same for both signals: of the request,
const RESOURCES: u32 = 1;
/// of what a resource tells,
const RESOURCE: u32 = 1;
const SCOPES: u32 = 2;
const SCHEMA_URL: u32 = 3;
/// of `Resource`,
const ATTRIBUTES: u32 = 1;
/// of what a scope tells,
const SCOPE: u32 = 1;
/// and of `InstrumentationScope`.
const NAME: u32 = 1;
const VERSION: u32 = 2;

// === impl Envelope ===

impl Envelope {
    /// `resource`: attributes of who tells.
    pub fn new(kind: Kind, resource: &[(String, String)], scope: Scope<'_>) -> Self {
        let (mut around, mut within) = (Vec::new(), Vec::new());
        wire::nested(&mut around, RESOURCE, |out| {
            for (key, value) in resource {
                wire::attribute(out, ATTRIBUTES, key, |out| wire::text(out, value));
            }
        });
        wire::bytes(&mut around, SCHEMA_URL, scope.schema_url.as_bytes());
        wire::nested(&mut within, SCOPE, |out| {
            wire::bytes(out, NAME, scope.name.as_bytes());
            wire::bytes(out, VERSION, scope.version.as_bytes());
        });
        Self { kind, resource: around, scope: within }
    }

    /// Begins a request of the collector's service: leaves room for what comes before spans or records, which follow.
    pub(crate) fn begin(&self, out: &mut Vec<u8>) {
        out.clear();
        out.resize(self.room(), 0);
    }

    /// Writes what comes before, now that it is known how long the rest is. From where on it is a request, with [`FRAME`] bytes in
    /// front.
    pub(crate) fn end(&self, out: &mut [u8]) -> usize {
        let room = self.room();
        let scope = self.scope.len() + out.len() - room;
        let resource = self.resource.len() + wire::head_length(SCOPES, scope) + scope;
        let mut front = Vec::with_capacity(room);
        front.resize(FRAME, 0);
        wire::head(&mut front, RESOURCES, resource);
        front.extend_from_slice(&self.resource);
        wire::head(&mut front, SCOPES, scope);
        front.extend_from_slice(&self.scope);
        let start = room - front.len();
        out[start..room].copy_from_slice(&front);
        start
    }

    /// What comes before is not longer, in bytes.
    fn room(&self) -> usize {
        FRAME + 2 * LONGEST_HEAD + self.resource.len() + self.scope.len()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
        common::v1::{InstrumentationScope, KeyValue, any_value::Value},
    };
    use prost::Message as _;

    use super::*;

    fn envelope(kind: Kind) -> Envelope {
        let resource = [("service.name", "gateway"), ("zone", "eu")].map(|(key, value)| (key.into(), value.into()));
        Envelope::new(kind, &resource, Scope { name: "sluice", version: "1", schema_url: "url" })
    }

    /// With so many of these in it.
    fn of(kind: Kind, item: &[u8], count: usize) -> Vec<u8> {
        let envelope = envelope(kind);
        let mut out = vec![7; 9];
        envelope.begin(&mut out);
        (0..count).for_each(|_| out.extend_from_slice(item));
        let start = envelope.end(&mut out);
        out.split_off(start + FRAME)
    }

    fn texts(attributes: &[KeyValue]) -> Vec<(&str, Option<Value>)> {
        let text = |attribute: &KeyValue| attribute.value.clone().and_then(|value| value.value);
        attributes.iter().map(|attribute| (&*attribute.key, text(attribute))).collect()
    }

    fn expected() -> [(&'static str, Option<Value>); 2] {
        [("service.name", "gateway"), ("zone", "eu")].map(|(key, value)| (key, Some(Value::StringValue(value.into()))))
    }

    fn scope() -> Option<InstrumentationScope> {
        Some(InstrumentationScope { name: "sluice".into(), version: "1".into(), ..InstrumentationScope::default() })
    }

    /// By the official messages. 600 of them, so that lengths take several bytes.
    #[test]
    fn everybody_reads_who_tells() {
        let mut named = Vec::new();
        // The name of a span.
        wire::nested(&mut named, ITEM, |out| wire::bytes(out, 5, b"GET"));
        let request = of(Kind::Traces, &named, 600);
        let read = ExportTraceServiceRequest::decode(&*request).unwrap();
        let [told] = &read.resource_spans[..] else { panic!("{read:?}") };
        assert_eq!((texts(&told.resource.as_ref().unwrap().attributes), &*told.schema_url), (expected().into(), "url"));
        let [within] = &told.scope_spans[..] else { panic!("{told:?}") };
        assert_eq!((&within.scope, within.spans.len()), (&scope(), 600));
        assert!(within.spans.iter().all(|span| span.name == "GET"));

        let mut named = Vec::new();
        // The severity of a record.
        wire::nested(&mut named, ITEM, |out| wire::bytes(out, 3, b"WARN"));
        let request = of(Kind::Logs, &named, 600);
        let read = ExportLogsServiceRequest::decode(&*request).unwrap();
        let [told] = &read.resource_logs[..] else { panic!("{read:?}") };
        assert_eq!((texts(&told.resource.as_ref().unwrap().attributes), &*told.schema_url), (expected().into(), "url"));
        let [within] = &told.scope_logs[..] else { panic!("{told:?}") };
        assert_eq!((&within.scope, within.log_records.len()), (&scope(), 600));
        assert!(within.log_records.iter().all(|record| record.severity_text == "WARN"));
    }
}

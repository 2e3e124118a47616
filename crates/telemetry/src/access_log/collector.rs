//! Records for a collector of OpenTelemetry.
//!
//! Workers write whole records, each a field of `ScopeLogs` ([`format`](super::format)); so what they gather needs only what goes
//! around it. Batches, retries and what is counted are those of [`otlp`].

use otlp::{
    Kind, Signal,
    messages::{KeyValue, Resource, ResourceLogs, Scope, ScopeLogs},
    wire,
};
use prost::Message as _;

use super::writer::Batch;

/// Puts around records who tells.
pub(super) struct Teller {
    /// `ResourceLogs` without records.
    resource: Vec<u8>,
    /// `ScopeLogs` without records.
    scope: Vec<u8>,
}

/// Numbers of fields: of `ExportLogsServiceRequest`, and of `ResourceLogs`.
const RESOURCE_LOGS: u32 = 1;
const SCOPE_LOGS: u32 = 2;

// === impl Teller ===

impl Teller {
    pub(super) fn new(service_name: &str) -> Self {
        let attributes = vec![KeyValue::new("service.name", service_name)];
        let resource = ResourceLogs { resource: Some(Resource { attributes }), ..ResourceLogs::default() };
        let scope = Scope { name: "sluice.access".to_owned(), version: String::new() };
        let scope = ScopeLogs { scope: Some(scope), ..ScopeLogs::default() };
        Self { resource: resource.encode_to_vec(), scope: scope.encode_to_vec() }
    }
}

impl Signal for Teller {
    type Item = Batch;

    const KIND: Kind = Kind::Logs;

    fn count(batch: &Batch) -> u64 {
        batch.lines
    }

    fn encode(&self, batches: &[Batch]) -> Vec<u8> {
        let records: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
        let mut request = Vec::with_capacity(records + self.resource.len() + self.scope.len() + 32);
        wire::nested(&mut request, RESOURCE_LOGS, |out| {
            out.extend_from_slice(&self.resource);
            wire::nested(out, SCOPE_LOGS, |out| {
                out.extend_from_slice(&self.scope);
                batches.iter().for_each(|batch| out.extend_from_slice(&batch.bytes));
            });
        });
        request
    }
}

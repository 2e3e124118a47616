//! Who is told of traces, as the document says.

use std::{io, sync::Arc};

use model::{Model, Otlp};
use otlp::Client;
use telemetry::{TraceMetrics, Traces};

use crate::Refusal;

/// The collector that is told; it stays while the document says the same of it.
#[derive(Default)]
pub(crate) struct Telling {
    asked: Option<Asked>,
    pub(crate) traces: Option<Traces>,
}

/// Who tells: what stays the same as long as the process lives.
pub(crate) struct Teller {
    pub(crate) version: &'static str,
    /// Tells this process from others that say the same of themselves.
    pub(crate) instance: String,
    pub(crate) metrics: TraceMetrics,
}

/// What the document asks for.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    otlp: Otlp,
    /// Of the secrets and certificates that it names.
    files: u64,
    queue: u32,
    service_name: Arc<str>,
    resource: Vec<(Arc<str>, Arc<str>)>,
}

// === impl Telling ===

impl Telling {
    /// What `model` asks for; `None` if that is what there is.
    ///
    /// # Errors
    /// Files or variables that the document names are not there, or the operating system gives no thread.
    pub(crate) fn changed(&self, model: &Model, teller: &Teller, workers: usize) -> Result<Option<Self>, Refusal> {
        let asked = Asked::of(model);
        if asked == self.asked {
            return Ok(None);
        }
        let traces = asked.as_ref().map(|asked| asked.open(teller, workers)).transpose()?;
        Ok(Some(Self { asked, traces }))
    }
}

// === impl Asked ===

impl Asked {
    fn of(model: &Model) -> Option<Self> {
        let tracing = model.gateway.tracing.as_ref()?;
        let (service_name, resource) = (tracing.service_name.clone(), tracing.resource.clone());
        let otlp = tracing.otlp.clone()?;
        let files = Client::fingerprint_of_files(&otlp);
        Some(Self { otlp, files, queue: tracing.queue, service_name, resource })
    }

    fn open(&self, teller: &Teller, workers: usize) -> Result<Traces, Refusal> {
        let client = Client::new(&self.otlp)
            .map_err(|error| Refusal::Io(io::Error::other(format!("`gateway.tracing.otlp`: {error}"))))?;
        let attribute = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut resource = vec![attribute("service.name", &self.service_name)];
        let given = |key: &str| self.resource.iter().any(|(given, _)| **given == *key);
        for (key, value) in [("service.version", teller.version), ("service.instance.id", &teller.instance)] {
            if !given(key) {
                resource.push(attribute(key, value));
            }
        }
        resource.extend(self.resource.iter().map(|(key, value)| attribute(key, value)));
        let size = (workers, self.queue as usize);
        Traces::open(client, &resource, teller.version, size, &teller.metrics).map_err(Refusal::Io)
    }
}

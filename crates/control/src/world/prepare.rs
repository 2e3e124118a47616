//! All that may fail before a world goes live.

use std::{collections::BTreeMap, sync::Arc};

use model::{Model, Report};
use proxy::Sockets;
use snapshot::{Address, Snapshot};
use telemetry::AccessLogs;

use super::{Prepared, Refusal, compile::compile};
use crate::{Control, source::Loaded};

// === impl Control ===

impl Control {
    /// Compiles what was loaded, and asks the machine for all that it needs.
    ///
    /// # Errors
    /// All problems of the document, or what the operating system refuses. Nothing has changed then.
    pub(crate) fn prepare(&self, loaded: Loaded) -> Result<Prepared, Refusal> {
        let workers = self.gateway.workers();
        let (snapshot, report) = compile(&loaded, &*self.kinds, workers, Some(&self.snapshot()))?;
        let Loaded { model: Some(model), files, kept, texts, .. } = loaded else {
            return Err(Refusal::Document(report));
        };
        let state = self.state();
        let sockets = bind(&model, &snapshot, &state.bound, workers, &report)?;
        let logs = open_logs(&model, workers, &state.logs)?;
        let telling = state.telling.changed(&model, &self.teller, workers)?;
        drop(state);
        self.health.prepare(&snapshot).map_err(Refusal::Io)?;
        self.discovery.prepare(&snapshot).map_err(Refusal::Io)?;
        Ok(Prepared { model, snapshot, report, sockets, logs, telling, files, kept, texts })
    }
}

/// Sockets for what is not bound yet. All or none: what was bound is let go if anything fails.
pub(super) fn bind(
    model: &Model,
    snapshot: &Snapshot,
    bound: &BTreeMap<Arc<str>, Address>,
    workers: usize,
    report: &Report,
) -> Result<Vec<(Arc<str>, Sockets)>, Refusal> {
    let mut report = report.clone();
    let mut sockets = Vec::new();
    for (listener, written) in snapshot.listeners.iter().zip(&model.listeners) {
        if bound.contains_key(&listener.binding) {
            continue;
        }
        match Sockets::bind(&listener.address, workers, bound.values()) {
            Ok(bound) => sockets.push((listener.binding.clone(), bound)),
            Err(error) => report.error(&written.place, format!("listener `{}`: {error}", listener.name)),
        }
    }
    if report.has_errors() { Err(Refusal::Document(report)) } else { Ok(sockets) }
}

pub(super) fn open_logs(model: &Model, workers: usize, previous: &AccessLogs) -> Result<AccessLogs, Refusal> {
    AccessLogs::open(&model.gateway.access_logs, workers, previous).map_err(Refusal::Io)
}

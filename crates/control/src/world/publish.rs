//! What cannot fail.

use std::{
    mem,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::SystemTime,
};

use model::Model;
use revisions::Revision;
use telemetry::flight::FlightRules;

use super::{Applied, Prepared, start::workers};
use crate::{Control, control::State};

// === impl Control ===

impl Control {
    /// Makes it the world of every new exchange. `revision` is what the API keeps of it.
    pub(crate) fn publish(&self, prepared: Prepared, revision: Option<Arc<Revision>>) -> Applied {
        let Prepared { model, snapshot, report, sockets, logs, telling, files, kept, texts } = prepared;
        let previous = self.snapshot();
        self.health.follow(&snapshot);
        self.discovery.follow(&snapshot, &model.gateway);
        let mut state = self.state();
        warn_of_what_stays(&model, self.gateway.workers(), &state);
        if model.gateway.home != *self.overlay.home() {
            tracing::warn!("`gateway.home` changes with the next start");
        }
        self.gateway.publish(snapshot.clone());
        self.health.drain(&previous, &snapshot);
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        for (binding, sockets) in sockets {
            state.bound.insert(binding.clone(), sockets.address().clone());
            self.gateway.listen(&binding, sockets);
        }
        state.bound.retain(|binding, _| {
            let stays = snapshot.listener_of(binding).is_some();
            if !stays {
                self.gateway.close(binding);
            }
            stays
        });
        if logs != state.logs {
            self.gateway.log_to(&logs);
        }
        let old_telling = telling.map(|telling| {
            self.gateway.trace_to(telling.traces.as_ref());
            mem::replace(&mut state.telling, telling)
        });
        let flight = flight_rules(&model).map(Arc::new);
        self.is_recording.store(flight.is_some(), Ordering::Relaxed);
        self.gateway.record_by(flight.as_ref());
        state.files = files;
        state.kept = Arc::new(kept);
        if *state.registries != model.gateway.registries {
            state.registries = Arc::new(model.gateway.registries.clone());
        }
        state.texts = texts.into();
        state.model = Arc::new(model);
        if let Some(revision) = &revision {
            self.overlay.in_force(revision);
        }
        state.revision = revision;
        let old_logs = mem::replace(&mut state.logs, logs);
        drop(state);
        // Waits for the last lines of logs that are no more; nobody else should have to.
        drop(old_logs);
        snapshot.start_policies();
        self.metrics.config_loaded(snapshot.generation, SystemTime::now());
        // Waits for a collector that is not told any more; nobody else should have to.
        drop(old_telling);
        Applied { generation: snapshot.generation, routes: snapshot.routes.len(), report }
    }
}

/// What only a restart changes.
fn warn_of_what_stays(model: &Model, running: usize, state: &State) {
    if workers(&model.gateway) != running {
        tracing::warn!(running, "`gateway.workers` changes with the next start");
    }
    if model.gateway.admin != state.admin {
        tracing::warn!("`gateway.admin` changes with the next start");
    }
    if model.gateway.registries.registry != state.registry {
        tracing::warn!("`gateway.registry` changes with the next start");
    }
}

pub(super) fn flight_rules(model: &Model) -> Option<FlightRules> {
    let recorder = model.gateway.flight_recorder.as_ref()?;
    Some(FlightRules {
        records: recorder.records as usize,
        keep: recorder.keep as usize,
        headers: recorder.headers.clone(),
    })
}

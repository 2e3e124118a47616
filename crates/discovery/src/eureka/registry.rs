//! The registry as far as it was told: all applications, so that hashes can be compared.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use model::EurekaService;
use upstream::discovery::Answer;

use super::{
    instance,
    wire::{Action, Entry, Record, Told},
};

/// All instances of all applications. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry {
    applications: Arc<BTreeMap<Arc<str>, Arc<Application>>>,
}

/// By id.
type Application = BTreeMap<Arc<str>, Arc<Record>>;

// === impl Registry ===

impl Registry {
    pub(super) fn whole(told: Told) -> Self {
        let mut registry = Self::default();
        registry.apply(told);
        registry
    }

    /// Takes over what changed.
    pub(super) fn apply(&mut self, told: Told) {
        let applications = Arc::make_mut(&mut self.applications);
        for (app, Entry { action, record }) in told.entries {
            let application = Arc::make_mut(applications.entry(app).or_default());
            match action {
                Action::Put => _ = application.insert(record.id.clone(), Arc::new(record)),
                Action::Delete => _ = application.remove(&record.id),
            }
        }
        applications.retain(|_, application| !application.is_empty());
    }

    /// How many instances have which status, as servers write it: `DOWN_1_UP_3_`. That it is equal on both sides shows that
    /// nothing was lost.
    pub(super) fn hash(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for record in self.applications.values().flat_map(|application| application.values()) {
            *counts.entry(&record.status).or_default() += 1;
        }
        counts.into_iter().fold(String::new(), |mut hash, (status, count)| {
            _ = write!(hash, "{status}_{count}_");
            hash
        })
    }

    /// What there is of a service.
    pub(super) fn answer(&self, service: &EurekaService) -> Answer {
        let mut answer = Answer::default();
        let application = self.applications.get(&service.app);
        for record in application.into_iter().flat_map(|application| application.values()) {
            instance::add(record, service, &mut answer);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(entries: &[(&str, &str, &str, Action)]) -> Told {
        let entries = entries.iter().map(|(app, id, status, action)| {
            let record = Record { id: (*id).into(), status: (*status).to_owned(), ..Record::default() };
            (Arc::from(*app), Entry { action: *action, record })
        });
        Told { hash: None, entries: entries.collect() }
    }

    #[test]
    fn hashes_count_statuses_in_order() {
        let mut registry = Registry::default();
        assert_eq!(registry.hash(), "");
        registry.apply(told(&[
            ("A", "1", "UP", Action::Put),
            ("A", "2", "OUT_OF_SERVICE", Action::Put),
            ("B", "1", "UP", Action::Put),
            ("B", "2", "DOWN", Action::Put),
        ]));
        assert_eq!(registry.hash(), "DOWN_1_OUT_OF_SERVICE_1_UP_2_");
    }

    #[test]
    fn deltas_may_come_twice_and_leave_copies_alone() {
        let before = Registry::whole(told(&[("A", "1", "UP", Action::Put), ("B", "1", "UP", Action::Put)]));
        let mut after = before.clone();
        for _ in 0..2 {
            after.apply(told(&[
                ("A", "1", "DOWN", Action::Put),
                ("A", "2", "UP", Action::Put),
                ("B", "1", "UP", Action::Delete),
                ("C", "1", "UP", Action::Delete),
            ]));
            assert_eq!(after.hash(), "DOWN_1_UP_1_");
            assert_eq!(after.applications.len(), 1);
        }
        assert_eq!(before.hash(), "UP_2_");
    }
}

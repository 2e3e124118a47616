//! The gateway's own entries in registries, in step with what the document says of them.

use discovery::Entries;
use model::{Place, Registration, Registries};

/// The entries that there are.
#[derive(Default)]
pub(super) struct Registered(Option<(Settings, Entries)>);

/// What entries follow from.
#[derive(PartialEq)]
struct Settings {
    registration: Registration,
    consul: model::Consul,
    etcd: model::Etcd,
    eureka: model::Eureka,
}

// === impl Registered ===

impl Registered {
    /// Makes the entries that the document asks for, in place of those that it asked for before.
    pub(super) async fn follow(&mut self, registries: &Registries) {
        let settings = Settings::of(registries);
        if self.0.as_ref().map(|(settings, _)| settings) == settings.as_ref() {
            return;
        }
        self.leave().await;
        self.0 = settings.map(|settings| {
            let entries = Entries::start(registries, &settings.registration);
            (settings, entries)
        });
    }

    /// Takes them out: a few seconds at most.
    pub(super) async fn leave(&mut self) {
        if let Some((_, entries)) = self.0.take() {
            entries.leave().await;
        }
    }
}

// === impl Settings ===

impl Settings {
    /// `None`: nothing is to be registered.
    fn of(registries: &Registries) -> Option<Self> {
        let Registries { consul, etcd, eureka, register, .. } = registries;
        // Where it stands in the document makes no difference.
        let nowhere = Place { file: "".into(), line: 0, column: 0 };
        let registration = Registration { place: nowhere, ..register.clone()? };
        Some(Self { registration, consul: consul.clone(), etcd: etcd.clone(), eureka: eureka.clone() })
    }
}

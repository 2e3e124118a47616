//! What a scrape shows of services.

use std::time::SystemTime;

use telemetry::{Expose, Exposition, names};
use upstream::discovery::{FailureKind, Status};

use super::{
    Discovery,
    judge::Reason,
    keeper::{Counts, Keeper},
};

/// All services that are followed, to be shown.
pub(crate) struct Shown<'a>(pub(crate) &'a Discovery);

impl Expose for Shown<'_> {
    fn expose(&self, out: &mut Exposition) {
        let services = self.0.shared.services();
        let mut keepers: Vec<(&str, String, &Keeper)> = services
            .by
            .iter()
            .map(|(service, followed)| (service.registry(), service.to_string(), &followed.keeper))
            .collect();
        keepers.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));

        let mut samples = out.family(&names::REGISTRY_LAST_SYNC);
        for (registry, service, keeper) in &keepers {
            if let Some(at) = keeper.last_sync() {
                samples.count(&[registry, service], seconds(at));
            }
        }
        let mut samples = out.family(&names::REGISTRY_STALE);
        for (registry, service, keeper) in &keepers {
            samples.count(&[registry, service], u64::from(keeper.is_stale()));
        }
        let mut samples = out.family(&names::REGISTRY_FAILURES);
        for (registry, service, keeper) in &keepers {
            for (kind, count) in FailureKind::ALL.into_iter().zip(keeper.counts().failures) {
                samples.count(&[registry, service, kind.name()], count);
            }
        }
        let mut samples = out.family(&names::REGISTRY_INSTANCES);
        for (registry, service, keeper) in &keepers {
            for (state, count) in states(keeper) {
                samples.count(&[registry, service, state], count as u64);
            }
        }
        let mut samples = out.family(&names::REGISTRY_HOLDING);
        for (registry, service, keeper) in &keepers {
            samples.count(&[registry, service], u64::from(keeper.held().is_some()));
        }
        let mut samples = out.family(&names::REGISTRY_HELD);
        for (registry, service, keeper) in &keepers {
            let Counts { held, .. } = keeper.counts();
            samples.count(&[registry, service], held);
        }
        let mut samples = out.family(&names::REGISTRY_SWAPS);
        for (registry, service, keeper) in &keepers {
            let Counts { swaps, .. } = keeper.counts();
            samples.count(&[registry, service], swaps);
        }
    }
}

/// How many instances are what, of the answer that is believed; reasons for those that are left out.
fn states(keeper: &Keeper) -> Vec<(&'static str, usize)> {
    let Some(believed) = keeper.believed() else { return Vec::new() };
    let statuses = [("up", Status::Up), ("draining", Status::Draining), ("down", Status::Down)];
    let taken = statuses.into_iter().map(|(name, status)| (name, believed.judged.count(status)));
    let left_out = Reason::ALL.into_iter().map(|reason| (reason.name(), believed.judged.count_left_out(reason)));
    taken.chain(left_out).collect()
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

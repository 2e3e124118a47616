//! What operators are told of services.

use std::time::{Instant, SystemTime};

use model::Service;
use snapshot::{FailureTold, HeldTold, InstanceTold, ServiceTold};
use telemetry::rfc3339;
use upstream::discovery::{Flaw, Instance, Status};

use super::{
    Discovery, Followed, Moment,
    judge::Reason,
    keeper::{Believed, Keeper, endpoint},
};

// === impl Discovery ===

impl Discovery {
    /// All services, by registry and name.
    pub(crate) fn told(&self) -> Vec<ServiceTold> {
        let now = Moment::now();
        let services = self.shared.services();
        let mut told: Vec<_> =
            services.by.iter().map(|(service, followed)| self::service(service, followed, now)).collect();
        told.sort_by(|one, other| (&one.registry, &one.service).cmp(&(&other.registry, &other.service)));
        told
    }
}

pub(super) fn service(service: &Service, followed: &Followed, now: Moment) -> ServiceTold {
    let Followed { keeper, upstreams, .. } = followed;
    let held = keeper.held().map(|(held, until)| HeldTold {
        since: rfc3339(held.since.wall),
        until: time(until, now),
        has: held.present,
        had: keeper.believed().map_or(0, |believed| believed.judged.present()),
    });
    let failure = keeper.failure().map(|(failure, at)| FailureTold {
        at: rfc3339(*at),
        kind: failure.kind.name().to_owned(),
        detail: failure.detail.clone(),
    });
    ServiceTold {
        registry: service.registry().to_owned(),
        service: service.to_string(),
        upstreams: upstreams.iter().map(|upstream| upstream.name.clone()).collect(),
        stale: keeper.is_stale(),
        last_sync: keeper.last_sync().map(rfc3339),
        since: keeper.believed().map(|believed| rfc3339(believed.since)),
        held,
        failure,
        instances: keeper.believed().map(|believed| instances(believed, keeper)).unwrap_or_default(),
    }
}

fn instances(believed: &Believed, keeper: &Keeper) -> Vec<InstanceTold> {
    let judged = &believed.judged;
    let taken = judged.taken.iter().map(|instance| told(instance, None, keeper));
    let left_out = judged.left_out.iter().map(|(instance, reason)| told(instance, Some(*reason), keeper));
    taken.chain(left_out).chain(judged.flaws.iter().map(flaw)).collect()
}

fn told(instance: &Instance, reason: Option<Reason>, keeper: &Keeper) -> InstanceTold {
    let order = keeper.overrides().get(&instance.address).filter(|_| reason.is_none());
    let effective = endpoint(instance, order);
    let is_drained = order.is_some_and(|order| order.drain) && instance.status == Status::Up;
    let state = match (reason, instance.status) {
        (Some(_), _) => "left_out",
        (None, Status::Up) if is_drained => "draining",
        (None, Status::Up) => "up",
        (None, Status::Draining) => "draining",
        (None, Status::Down) => "down",
    };
    InstanceTold {
        id: instance.id.clone(),
        address: Some(instance.address.to_string()),
        weight: effective.weight,
        tier: effective.tier,
        labels: effective.labels.into_iter().collect(),
        state: state.to_owned(),
        why: reason.map(Reason::name).or(is_drained.then_some("ordered")).map(ToOwned::to_owned),
        order: order.cloned(),
    }
}

fn flaw(Flaw { id, detail }: &Flaw) -> InstanceTold {
    InstanceTold {
        id: id.clone(),
        address: None,
        weight: 0,
        tier: 0,
        labels: Default::default(),
        state: "left_out".to_owned(),
        why: Some(format!("{}: {detail}", Reason::Malformed.name())),
        order: None,
    }
}

/// As the clock on the wall will show it.
fn time(at: Instant, now: Moment) -> String {
    let wall = now.wall.checked_add(at.saturating_duration_since(now.instant)).unwrap_or(now.wall);
    rfc3339(wall.max(SystemTime::UNIX_EPOCH))
}

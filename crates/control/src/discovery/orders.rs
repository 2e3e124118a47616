//! What operators order, whatever registries say.

use std::sync::Arc;

use model::{EndpointAddress, FromText, Service, values::EndpointTarget};
use snapshot::{OverrideTold as Override, ServiceOrder, ServiceOrderError as Error, ServiceTold};

use super::{Discovery, Moment, Services, keeper::Overrides, key, tell, told};

/// What an order comes to.
enum Change {
    Believe,
    Override { address: EndpointAddress, order: Override },
}

// === impl Discovery ===

impl Discovery {
    /// Follows an order, and tells how the service is then.
    ///
    /// # Errors
    /// It makes no sense, or cannot be kept.
    pub(crate) fn order(&self, order: &ServiceOrder) -> Result<ServiceTold, Error> {
        let now = Moment::now();
        let mut services = self.shared.services();
        let service = find(&services, order)?;
        let change = Change::of(order, &services.overrides(&service))?;
        if let Change::Override { address, order } = &change {
            let mut all = services.overrides.clone();
            let overrides = all.entry(key(&service)).or_default();
            if order.is_empty() {
                overrides.remove(address);
            } else {
                overrides.insert(address.clone(), order.clone());
            }
            all.retain(|_, overrides| !overrides.is_empty());
            let saved = self.shared.store.as_ref().map_or(Ok(()), |store| store.save_overrides(&all));
            saved.map_err(|error| Error::NotKept(error.to_string()))?;
            services.overrides = all;
        }
        let overrides = services.overrides(&service);
        let Some(followed) = services.by.get_mut(&service) else { return Err(Error::NoSuchService(Vec::new())) };
        match change {
            Change::Believe => tell(&service, &followed.keeper.believe_held(now)),
            Change::Override { .. } => followed.keeper.set_overrides(overrides),
        }
        self.shared.settle(&service, followed, now);
        self.shared.wake.notify_one();
        tracing::info!(registry = service.registry(), %service, ?order, "an operator gave an order");
        Ok(told::service(&service, followed, now))
    }
}

/// The one service that is meant.
fn find(services: &Services, order: &ServiceOrder) -> Result<Arc<Service>, Error> {
    let is_meant = |service: &&Arc<Service>| {
        let registry = order.registry.as_deref();
        registry.is_none_or(|registry| registry == service.registry()) && service.to_string() == order.service
    };
    let meant: Vec<_> = services.by.keys().filter(is_meant).collect();
    let list = |services: &mut dyn Iterator<Item = &Arc<Service>>| {
        let mut list: Vec<_> = services.map(|service| format!("{} `{service}`", service.registry())).collect();
        list.sort_unstable();
        list
    };
    match meant.as_slice() {
        [] => Err(Error::NoSuchService(list(&mut services.by.keys()))),
        [service] => Ok(Arc::clone(service)),
        several => Err(Error::Several(list(&mut several.iter().copied()))),
    }
}

// === impl Change ===

impl Change {
    /// `known` is what was ordered before.
    fn of(order: &ServiceOrder, known: &Overrides) -> Result<Self, Error> {
        let ServiceOrder { service: _, registry: _, endpoint, weight, drain, labels, clear, believe } = order;
        let senseless = |why: &str| Err(Error::Senseless(why.to_owned()));
        let changes = weight.is_some() || drain.is_some() || labels.is_some();
        let Some(endpoint) = endpoint else {
            return match (*believe, changes || *clear) {
                (true, false) => Ok(Self::Believe),
                (false, false) => senseless("the order says nothing: name an `endpoint`, or say `believe`"),
                _ => senseless("say which `endpoint`: its address"),
            };
        };
        match (*believe, *clear, changes) {
            (true, ..) => return senseless("`believe` is about the whole service: leave `endpoint` out"),
            (_, true, true) => return senseless("`clear` takes all back: leave the others out"),
            (_, false, false) => return senseless("say what is to hold: `weight`, `drain` or `labels`, or `clear`"),
            _ => {}
        }
        let EndpointTarget(address) = EndpointTarget::from_text(endpoint).map_err(Error::Senseless)?;
        let known = known.get(&address).filter(|_| !clear).cloned().unwrap_or_default();
        let order = Override {
            weight: weight.or(known.weight),
            drain: drain.unwrap_or(known.drain),
            labels: labels.clone().unwrap_or(known.labels),
        };
        Ok(Self::Override { address, order })
    }
}

//! Endpoints that documents write, and what operators order about them.
//!
//! An order holds for an address of an upstream until it is taken back, whatever the document says of it meanwhile.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use model::{Endpoint as Written, EndpointAddress, FromText, Model, values::EndpointTarget};
use snapshot::{
    EndpointOrder, EndpointOrderError as Error, LiveEndpointTold, OverrideTold, ServiceOrder, ServiceOrderError,
    Snapshot,
};
use upstream::Upstream;

use super::{Discovery, Services, Shared, keeper::Overrides, key};

/// Endpoints as documents write them, of the upstreams about which there are orders.
#[derive(Default)]
pub(super) struct AsWritten {
    live: HashMap<Arc<str>, Vec<Written>>,
    /// Of a document that is not live yet.
    next: HashMap<Arc<str>, Vec<Written>>,
}

/// Stands where orders about services have the name of a registry.
const DOCUMENT: &str = "document";

// === impl Discovery ===

impl Discovery {
    /// The endpoints of an upstream that is live, with what operators ordered.
    pub(crate) fn endpoints(&self, upstream: &Upstream) -> Vec<LiveEndpointTold> {
        let overrides = self.shared.services().overrides_of(upstream);
        let mut told = snapshot::endpoints(upstream);
        for endpoint in &mut told {
            let order = overrides.iter().find(|(address, _)| address.to_string() == endpoint.address);
            endpoint.order = order.map(|(_, order)| order.clone());
        }
        told
    }

    /// Follows an order about an endpoint of an upstream that is live, and tells how it is then.
    ///
    /// # Errors
    /// It makes no sense, or cannot be kept.
    pub(crate) fn order_endpoint(
        &self,
        upstream: &Upstream,
        address: &str,
        order: &EndpointOrder,
    ) -> Result<LiveEndpointTold, Error> {
        let no_endpoint = || {
            let known = upstream.set().endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
            Error::NoEndpoint { address: address.to_owned(), known }
        };
        let EndpointTarget(target) = EndpointTarget::from_text(address).map_err(|_| no_endpoint())?;
        if upstream.set().endpoints.iter().all(|endpoint| endpoint.address != target) {
            return Err(no_endpoint());
        }
        if upstream.discovery.is_some() {
            self.order(&of_service(upstream, address, order)?).map_err(as_of_endpoint)?;
        } else {
            self.shared.order_written(upstream, &target, order)?;
        }
        let told = self.endpoints(upstream).into_iter().find(|endpoint| endpoint.address == target.to_string());
        told.ok_or_else(no_endpoint)
    }
}

/// The same, as an order about the service that the endpoint belongs to.
fn of_service(upstream: &Upstream, address: &str, order: &EndpointOrder) -> Result<ServiceOrder, Error> {
    let EndpointOrder { weight, drain, labels, clear } = order.clone();
    // Says what makes no sense in words of its own.
    order.on(None)?;
    let service = upstream.discovery.as_ref();
    Ok(ServiceOrder {
        service: service.map(ToString::to_string).unwrap_or_default(),
        registry: service.map(|service| service.registry().to_owned()),
        endpoint: Some(address.to_owned()),
        weight,
        drain,
        labels,
        clear,
        believe: false,
    })
}

fn as_of_endpoint(error: ServiceOrderError) -> Error {
    match error {
        ServiceOrderError::NotKept(why) => Error::NotKept(why),
        other => Error::Senseless(other.to_string()),
    }
}

// === impl Shared ===

impl Shared {
    fn order_written(
        &self,
        upstream: &Upstream,
        address: &EndpointAddress,
        order: &EndpointOrder,
    ) -> Result<(), Error> {
        let mut services = self.services();
        let mut overrides = services.overrides_of(upstream);
        let order = order.on(overrides.get(address))?;
        tracing::info!(upstream = %upstream.name, endpoint = %address, ?order, "an operator gave an order");
        if order.is_empty() {
            overrides.remove(address);
        } else {
            overrides.insert(address.clone(), order);
        }
        let mut all = services.overrides.clone();
        all.insert(written_key(&upstream.name), overrides.clone());
        all.retain(|_, overrides| !overrides.is_empty());
        let saved = self.store.as_ref().map_or(Ok(()), |store| store.save_overrides(&all));
        saved.map_err(|error| Error::NotKept(error.to_string()))?;
        services.overrides = all;
        let written = services.written.live.remove(&upstream.name).unwrap_or_else(|| as_they_are(upstream));
        self.swap(upstream, ordered(&written, &overrides).iter());
        if !overrides.is_empty() {
            services.written.live.insert(upstream.name.clone(), written);
        }
        Ok(())
    }

    /// Has the upstreams of this snapshot, which is live now, follow the orders about endpoints that its document writes: between
    /// the time when it was compiled and now, something may have been ordered.
    pub(super) fn follow_written(&self, snapshot: &Snapshot) {
        let mut services = self.services();
        let mut next = std::mem::take(&mut services.written.next);
        services.written.live.clear();
        if next.is_empty() && !services.has_written_orders() {
            return;
        }
        for upstream in snapshot.upstreams.iter().filter(|upstream| upstream.discovery.is_none()) {
            let overrides = services.overrides_of(upstream);
            let written = match next.remove(&upstream.name) {
                Some(written) => written,
                None if overrides.is_empty() => continue,
                None => as_they_are(upstream),
            };
            self.swap(upstream, ordered(&written, &overrides).iter());
            if !overrides.is_empty() {
                services.written.live.insert(upstream.name.clone(), written);
            }
        }
    }
}

/// Nothing was ordered about these yet.
fn as_they_are(upstream: &Upstream) -> Vec<Written> {
    let set = upstream.set();
    let endpoints = set.endpoints.iter().map(|endpoint| Written {
        place: model::Place { file: "".into(), line: 1, column: 1 },
        address: endpoint.address.clone(),
        weight: endpoint.weight,
        tier: endpoint.tier,
        labels: endpoint.labels.clone(),
    });
    endpoints.collect()
}

fn ordered(written: &[Written], overrides: &Overrides) -> Vec<Written> {
    written.iter().map(|written| with_order(written, overrides.get(&written.address))).collect()
}

/// One that drains stays, and gets nothing.
fn with_order(written: &Written, order: Option<&OverrideTold>) -> Written {
    let Some(OverrideTold { weight, drain, labels }) = order else { return written.clone() };
    let mut all: BTreeMap<_, _> = written.labels.iter().cloned().collect();
    all.extend(labels.clone());
    let weight = if *drain { 0 } else { weight.unwrap_or(written.weight) };
    Written { weight, labels: all.into_iter().collect(), ..written.clone() }
}

// === impl Services ===

impl Services {
    /// Has the endpoints that a document writes, which is not live yet, follow what was ordered.
    pub(super) fn order_model(&mut self, model: &mut Model) {
        self.written.next.clear();
        if !self.has_written_orders() {
            return;
        }
        for upstream in model.upstreams.iter_mut().filter(|upstream| upstream.discovery.is_none()) {
            if let Some(overrides) = self.overrides.get(&written_key(&upstream.name)) {
                let ordered = ordered(&upstream.endpoints, overrides);
                let written = std::mem::replace(&mut upstream.endpoints, ordered);
                self.written.next.insert(upstream.name.clone(), written);
            }
        }
    }

    fn has_written_orders(&self) -> bool {
        self.overrides.keys().any(|(registry, _)| registry == DOCUMENT)
    }

    fn overrides_of(&self, upstream: &Upstream) -> Overrides {
        let key = upstream.discovery.as_ref().map_or_else(|| written_key(&upstream.name), |service| key(service));
        self.overrides.get(&key).cloned().unwrap_or_default()
    }
}

fn written_key(upstream: &str) -> (String, String) {
    (DOCUMENT.to_owned(), upstream.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_goes_before_what_is_written() {
        let written = Written {
            place: model::Place { file: "".into(), line: 1, column: 1 },
            address: EndpointAddress::Name { host: "a".into(), port: 1 },
            weight: 3,
            tier: 0,
            labels: vec![("version".into(), "v1".into()), ("zone".into(), "a".into())],
        };
        let order = |weight, drain, labels: &[(&str, &str)]| OverrideTold {
            weight,
            drain,
            labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        };
        let effective = |order: &OverrideTold| with_order(&written, Some(order));
        assert_eq!(effective(&order(Some(7), false, &[])).weight, 7);
        assert_eq!(effective(&order(Some(7), true, &[])).weight, 0);
        let labelled = effective(&order(None, false, &[("version", "v2"), ("canary", "yes")]));
        let labels: Vec<_> = labelled.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!((labelled.weight, labels.join(" ").as_str()), (3, "canary=yes version=v2 zone=a"));
        assert_eq!(with_order(&written, None), written);
    }
}

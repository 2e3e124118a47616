//! What records come to.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_resolver::{
    lookup::Lookup,
    proto::rr::{Name, RData, RecordType, rdata::SRV},
};
use model::EndpointAddress;
use upstream::discovery::{Answer, Failure, Flaw, Instance, Status};

use super::{
    Asked,
    ask::{Known, address},
};

/// What there is under a name.
#[derive(Default)]
pub(super) struct Found {
    pub(super) answer: Answer,
    /// How long it may be kept; `None`: nobody said.
    pub(super) lasts: Option<Duration>,
    /// Why a part of it is what it was before.
    pub(super) doubt: Option<Failure>,
    /// Whether the name has what was asked for, be it that there is no such service. Otherwise the next candidate is asked for.
    pub(super) exists: bool,
}

/// The addresses of one name.
pub(super) struct Addresses {
    addresses: Vec<IpAddr>,
    lasts: Option<Duration>,
    doubt: Option<Failure>,
}

/// What an answer says of a target beside what was asked for.
#[derive(Default)]
struct Beside {
    four: Vec<IpAddr>,
    six: Vec<IpAddr>,
    lasts: Option<Duration>,
}

/// What SRV records name, and where that is.
pub(super) struct Targets {
    records: Vec<SRV>,
    resolved: BTreeMap<Name, Asked<Addresses>>,
}

/// The addresses of one family, and how long they may be kept.
type Family = (Vec<IpAddr>, Option<Duration>);

// === impl Addresses ===

impl Addresses {
    /// Both families together. One that could not be told is what it was, if the other shows that the name is there.
    pub(super) fn of(name: &Name, families: [(RecordType, Asked<Family>); 2], known: &mut Known) -> Asked<Self> {
        let mut all = Self { addresses: Vec::new(), lasts: None, doubt: None };
        let mut is_told = false;
        for (family, told) in families {
            let key = (name.clone(), family);
            match told {
                Ok((addresses, lasts)) => {
                    is_told |= !addresses.is_empty();
                    all.lasts = all.lasts.into_iter().chain(lasts).min();
                    all.addresses.extend(&addresses);
                    known.insert(key, addresses);
                }
                Err(failure) => {
                    all.addresses.extend(known.get(&key).into_iter().flatten());
                    all.doubt.get_or_insert(failure);
                }
            }
        }
        match all.doubt {
            // Neither says that it is there, and one may have wanted to.
            Some(failure) if !is_told => Err(failure),
            _ => Ok(all),
        }
    }

    /// What was known of a name that cannot be told.
    pub(super) fn before(name: &Name, failure: Failure, known: &Known) -> Asked<Self> {
        let families = [RecordType::A, RecordType::AAAA].map(|family| known.get(&(name.clone(), family)));
        let addresses: Vec<_> = families.into_iter().flatten().flatten().copied().collect();
        if addresses.is_empty() { Err(failure) } else { Ok(Self { addresses, lasts: None, doubt: Some(failure) }) }
    }

    pub(super) fn into_found(mut self, port: u16) -> Found {
        // Servers answer in turns; the order says nothing.
        self.addresses.sort_unstable();
        self.addresses.dedup();
        let instances: Vec<_> =
            self.addresses.into_iter().map(|address| instance(SocketAddr::new(address, port), 1, 0)).collect();
        let exists = !instances.is_empty();
        Found { answer: Answer { instances, flaws: Vec::new() }, lasts: self.lasts, doubt: self.doubt, exists }
    }
}

// === impl Targets ===

impl Targets {
    /// What the records of an answer name; where that is, as far as the same answer says.
    pub(super) fn of(lookup: &Lookup, known: &mut Known) -> Self {
        let records = lookup.answers().iter().filter_map(|record| match &record.data {
            // The root: decidedly no such service (RFC 2782).
            RData::SRV(record) if !record.target.is_root() => Some(record.clone()),
            _ => None,
        });
        let mut targets = Self { records: records.collect(), resolved: BTreeMap::new() };
        let mut beside: BTreeMap<Name, Beside> = BTreeMap::new();
        for record in lookup.additionals().iter().filter(|record| targets.contains(&record.name)) {
            if let Some(address) = address(&record.data) {
                let beside = beside.entry(record.name.clone()).or_default();
                let family = if address.is_ipv4() { &mut beside.four } else { &mut beside.six };
                family.push(address);
                let lasts = Duration::from_secs(record.ttl.into());
                beside.lasts = beside.lasts.into_iter().chain([lasts]).min();
            }
        }
        for (target, Beside { four, six, lasts }) in beside {
            let families = [(RecordType::A, Ok((four, lasts))), (RecordType::AAAA, Ok((six, lasts)))];
            let addresses = Addresses::of(&target, families, known);
            targets.resolve(&target, addresses);
        }
        targets
    }

    pub(super) fn contains(&self, target: &Name) -> bool {
        self.records.iter().any(|record| record.target == *target)
    }

    pub(super) fn unresolved(&self) -> BTreeSet<Name> {
        let targets = self.records.iter().map(|record| &record.target);
        targets.filter(|target| !self.resolved.contains_key(*target)).cloned().collect()
    }

    pub(super) fn resolve(&mut self, target: &Name, addresses: Asked<Addresses>) {
        self.resolved.insert(target.clone(), addresses);
    }

    /// A target that cannot be told is left out, if others can: it may have been wrong from the start. One that was told before
    /// is what it was.
    pub(super) fn into_found(self, lasts: Duration) -> Asked<Found> {
        let mut found = Found { lasts: Some(lasts), exists: true, ..Found::default() };
        let mut addresses = BTreeMap::new();
        for (target, resolved) in self.resolved {
            match resolved {
                Ok(resolved) => {
                    found.lasts = found.lasts.into_iter().chain(resolved.lasts).min();
                    found.doubt = found.doubt.or(resolved.doubt);
                    addresses.insert(target, resolved.addresses);
                }
                Err(failure) => found.doubt = Some(failure),
            }
        }
        if let (Some(failure), true) = (&found.doubt, addresses.is_empty()) {
            return Err(failure.clone());
        }
        for record in self.records {
            let there = addresses.get(&record.target).map(Vec::as_slice).unwrap_or_default();
            if there.is_empty() {
                let id = format!("{}:{}", record.target, record.port).into();
                found.answer.flaws.push(Flaw { id, detail: "the target has no address".to_owned() });
            }
            // A weight of 0 is a very small share, not none.
            let weight = u32::from(record.weight).max(1);
            let instances = there
                .iter()
                .map(|address| instance(SocketAddr::new(*address, record.port), weight, record.priority.into()));
            found.answer.instances.extend(instances);
        }
        found.answer.instances.sort_by(|one, other| (one.tier, &one.id).cmp(&(other.tier, &other.id)));
        found.answer.flaws.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }
}

fn instance(address: SocketAddr, weight: u32, tier: u32) -> Instance {
    Instance {
        id: Arc::from(address.to_string()),
        address: EndpointAddress::Socket(address),
        weight,
        tier,
        labels: Vec::new(),
        status: Status::Up,
    }
}

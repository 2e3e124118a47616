//! Which instances of an answer count.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use model::{Address, EndpointAddress};
use upstream::discovery::{Answer, Flaw, Instance, Status};

/// How far registries are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Where instances may be; empty: everywhere but link-local.
    pub(crate) allow: Vec<IpNet>,
    /// Addresses of the gateway's own that requests must not get to.
    pub(crate) own: Vec<SocketAddr>,
    /// How long an answer is held back that is suspicious.
    pub(crate) hold: Duration,
}

/// An answer, judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// By address, so that the order in which a registry tells them means nothing.
    pub(crate) taken: Vec<Instance>,
    pub(crate) left_out: Vec<(Instance, Reason)>,
    pub(crate) flaws: Vec<Flaw>,
}

/// Why an instance is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    Malformed,
    NotAllowed,
    OwnAddress,
    DoubledId,
    DoubledAddress,
}

// === impl Rules ===

impl Rules {
    pub(crate) fn of(gateway: &model::Gateway) -> Self {
        let registries = &gateway.registries;
        let registry = registries.registry.as_ref().map(|registry| &registry.address);
        let own = gateway.admin.iter().chain(registry).filter_map(|address| match address {
            // With port 0 nobody knows it.
            Address::Tcp(address) if address.port() != 0 => Some(*address),
            _ => None,
        });
        Self { allow: registries.allow.clone(), own: own.collect(), hold: registries.hold }
    }

    pub(crate) fn judge(&self, answer: &Answer) -> Judged {
        let Answer { instances, flaws } = answer;
        let mut judged = Judged { flaws: flaws.clone(), ..Judged::default() };
        let mut ids = HashSet::new();
        // A machine that came back under another id is still registered under the old one: who says `up` counts.
        let mut best: HashMap<&EndpointAddress, &Instance> = HashMap::new();
        let mut fit = Vec::new();
        for instance in instances {
            let reason = self.objection(&instance.address);
            let reason = reason.or_else(|| (!ids.insert(&instance.id)).then_some(Reason::DoubledId));
            if let Some(reason) = reason {
                judged.left_out.push((instance.clone(), reason));
                continue;
            }
            fit.push(instance);
            let best = best.entry(&instance.address).or_insert(instance);
            if rank(instance.status) < rank(best.status) {
                *best = instance;
            }
        }
        for instance in fit {
            if std::ptr::eq(best[&instance.address], instance) {
                judged.taken.push(instance.clone());
            } else {
                judged.left_out.push((instance.clone(), Reason::DoubledAddress));
            }
        }
        judged.taken.sort_by(|one, other| one.address.cmp(&other.address));
        judged
    }

    fn objection(&self, address: &EndpointAddress) -> Option<Reason> {
        match address {
            EndpointAddress::Unix(_) => Some(Reason::NotAllowed),
            // What a name leads to is only known when a connection is made.
            EndpointAddress::Name { host, port } => {
                let is_own = is_loopback_name(host) && self.own.iter().any(|own| is_local(*own, *port));
                is_own.then_some(Reason::OwnAddress)
            }
            EndpointAddress::Socket(address) => {
                let ip = address.ip().to_canonical();
                let is_own = |own: &SocketAddr| {
                    own.ip().to_canonical() == ip && own.port() == address.port()
                        || ip.is_loopback() && is_local(*own, address.port())
                };
                if !self.allows(ip) {
                    Some(Reason::NotAllowed)
                } else {
                    self.own.iter().any(is_own).then_some(Reason::OwnAddress)
                }
            }
        }
    }

    fn allows(&self, ip: IpAddr) -> bool {
        // Nobody is reached there, whatever is allowed.
        let is_nobody = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
        let is_link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        match self.allow.as_slice() {
            _ if is_nobody => false,
            [] => !is_link_local,
            allowed => allowed.iter().any(|network| network.contains(&ip)),
        }
    }
}

/// Whether this machine itself reaches `own` at a loopback address with this port.
fn is_local(own: SocketAddr, port: u16) -> bool {
    own.port() == port && (own.ip().is_loopback() || own.ip().is_unspecified())
}

fn is_loopback_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost")
}

fn rank(status: Status) -> u8 {
    match status {
        Status::Up => 0,
        Status::Draining => 1,
        Status::Down => 2,
    }
}

// === impl Judged ===

impl Judged {
    /// Those that are not down: who drains says so on purpose, and is not missing.
    pub(crate) fn present(&self) -> usize {
        self.taken.iter().filter(|instance| instance.status != Status::Down).count()
    }

    pub(crate) fn count(&self, status: Status) -> usize {
        self.taken.iter().filter(|instance| instance.status == status).count()
    }

    pub(crate) fn count_left_out(&self, reason: Reason) -> usize {
        let of_flaws = if reason == Reason::Malformed { self.flaws.len() } else { 0 };
        of_flaws + self.left_out.iter().filter(|(_, other)| *other == reason).count()
    }
}

// === impl Reason ===

impl Reason {
    pub(crate) const ALL: [Self; 5] =
        [Self::Malformed, Self::NotAllowed, Self::OwnAddress, Self::DoubledId, Self::DoubledAddress];

    /// As metrics, logs and the admin API call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotAllowed => "not_allowed",
            Self::OwnAddress => "own_address",
            Self::DoubledId => "doubled_id",
            Self::DoubledAddress => "doubled_address",
        }
    }
}

#[cfg(test)]
mod tests {
    // tidy-allow-file fixed-port: data, never bound
    use super::*;

    fn instance(id: &str, address: &str, status: Status) -> Instance {
        let address = match address.parse() {
            Ok(address) => EndpointAddress::Socket(address),
            Err(_) => {
                let (host, port) = address.rsplit_once(':').unwrap();
                EndpointAddress::Name { host: host.into(), port: port.parse().unwrap() }
            }
        };
        Instance { id: id.into(), address, weight: 1, tier: 0, labels: Vec::new(), status }
    }

    /// Which addresses are taken, and why the others are not.
    fn judge(rules: &Rules, instances: &[(&str, &str, Status)]) -> (Vec<String>, Vec<(String, &'static str)>) {
        let instances = instances.iter().map(|(id, address, status)| instance(id, address, *status)).collect();
        let judged = rules.judge(&Answer { instances, flaws: Vec::new() });
        let taken = judged.taken.iter().map(|instance| instance.id.to_string()).collect();
        let left_out = judged.left_out.iter().map(|(instance, reason)| (instance.id.to_string(), reason.name()));
        (taken, left_out.collect())
    }

    fn rules(allow: &[&str]) -> Rules {
        let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
        let own = vec!["127.0.0.1:9901".parse().unwrap(), "0.0.0.0:8600".parse().unwrap()];
        Rules { allow, own, hold: Duration::from_secs(30) }
    }

    #[test]
    fn what_is_nobodys_is_not_allowed() {
        for (address, reason) in [
            ("10.0.0.1:80", None),
            ("127.0.0.1:80", None),
            ("169.254.169.254:80", Some("not_allowed")),
            ("[fe80::1]:80", Some("not_allowed")),
            ("[::ffff:169.254.169.254]:80", Some("not_allowed")),
            ("0.0.0.0:80", Some("not_allowed")),
            ("[::]:80", Some("not_allowed")),
            ("224.0.0.1:80", Some("not_allowed")),
            ("255.255.255.255:80", Some("not_allowed")),
            ("127.0.0.1:9901", Some("own_address")),
            ("127.0.0.2:9901", Some("own_address")),
            ("[::1]:8600", Some("own_address")),
            ("localhost:9901", Some("own_address")),
            ("a.localhost.:8600", Some("own_address")),
            ("users.internal:9901", None),
            ("10.0.0.1:9901", None),
        ] {
            let (_, left_out) = judge(&rules(&[]), &[("a", address, Status::Up)]);
            assert_eq!(left_out.first().map(|(_, reason)| *reason), reason, "{address}");
        }
    }

    #[test]
    fn networks_bound_addresses_and_no_names() {
        let rules = rules(&["10.0.0.0/8", "169.254.0.0/16"]);
        let instances = [
            ("a", "10.1.2.3:80", Status::Up),
            ("b", "192.0.2.1:80", Status::Up),
            ("c", "users.internal:80", Status::Up),
            ("d", "169.254.0.9:80", Status::Up),
        ];
        let (taken, left_out) = judge(&rules, &instances);
        assert_eq!((taken, left_out), (vec!["a".into(), "d".into(), "c".into()], vec![("b".into(), "not_allowed")]));
    }

    #[test]
    fn the_first_of_an_id_counts_and_the_best_of_an_address() {
        let instances = [
            ("old", "10.0.0.1:80", Status::Down),
            ("new", "10.0.0.1:80", Status::Up),
            ("new", "10.0.0.2:80", Status::Up),
            ("b", "10.0.0.3:80", Status::Up),
            ("c", "10.0.0.3:80", Status::Up),
        ];
        let (taken, left_out) = judge(&rules(&[]), &instances);
        assert_eq!(taken, ["new", "b"]);
        let expected = [("new", "doubled_id"), ("old", "doubled_address"), ("c", "doubled_address")];
        assert_eq!(left_out, expected.map(|(id, reason)| (id.to_owned(), reason)));
    }
}

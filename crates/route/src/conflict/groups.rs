//! Routes by host. Two routes meet only if they have a host in common, or one has a wildcard that stands for it.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use model::{HostPattern, Route};

/// The routes of a host. Hosts with the same routes are one group.
#[derive(Debug)]
pub(super) struct Group<'r> {
    /// None: the routes that name no host.
    pub(super) hosts: Vec<&'r HostPattern>,
    pub(super) routes: Vec<u32>,
}

/// Two groups of which one has hosts that wildcards of the other stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Meeting {
    pub(super) closer: usize,
    pub(super) wider: usize,
}

/// All groups; that of no host, if there is one, comes first.
pub(super) fn of<'r>(routes: &[&'r Route]) -> Vec<Group<'r>> {
    let mut by_host: HashMap<&HostPattern, Vec<u32>, FixedState> = HashMap::default();
    let mut order = Vec::new();
    let mut any = Vec::new();
    for (index, route) in (0..).zip(routes) {
        if route.matching.hosts.is_empty() {
            any.push(index);
        }
        for host in &route.matching.hosts {
            let known = by_host.entry(host).or_insert_with(|| {
                order.push(host);
                Vec::new()
            });
            // A host that is written twice.
            if known.last() != Some(&index) {
                known.push(index);
            }
        }
    }
    let mut groups = vec![Group { hosts: Vec::new(), routes: any }];
    let mut by_routes: HashMap<Vec<u32>, usize, FixedState> = HashMap::default();
    for host in order {
        let Some(routes) = by_host.remove(host) else { continue };
        match by_routes.get(&routes) {
            Some(group) => groups[*group].hosts.push(host),
            None => {
                by_routes.insert(routes.clone(), groups.len());
                groups.push(Group { hosts: vec![host], routes });
            }
        }
    }
    groups
}

/// Which groups meet beside themselves: each with those of wildcards above its hosts, and with that of no host.
pub(super) fn meetings(groups: &[Group<'_>]) -> Vec<Meeting> {
    let wildcards: HashMap<&str, usize, FixedState> = (groups.iter().enumerate())
        .flat_map(|(group, Group { hosts, .. })| hosts.iter().map(move |host| (host, group)))
        .filter_map(|(host, group)| match host {
            HostPattern::Suffix(suffix) => Some((&**suffix, group)),
            HostPattern::Exact(_) => None,
        })
        .collect();
    let mut meetings: HashSet<Meeting, FixedState> = HashSet::default();
    let mut order = Vec::new();
    for (closer, Group { hosts, .. }) in groups.iter().enumerate().skip(1) {
        let above = hosts.iter().flat_map(|host| above(host)).filter_map(|suffix| wildcards.get(suffix).copied());
        for wider in above.chain([0]).filter(|wider| *wider != closer) {
            if meetings.insert(Meeting { closer, wider }) {
                order.push(Meeting { closer, wider });
            }
        }
    }
    order
}

/// What follows `*.` in the wildcards that stand for all that a host stands for, the host itself left out.
fn above(host: &HostPattern) -> impl Iterator<Item = &str> {
    let (HostPattern::Exact(text) | HostPattern::Suffix(text)) = host;
    let dots = text.bytes().enumerate().skip(1).filter(|(_, byte)| *byte == b'.');
    dots.map(|(dot, _)| &text[dot + 1..])
}

/// Whether some of `hosts` stands for all that `host` stands for.
pub(super) fn covers(hosts: &[HostPattern], host: &HostPattern) -> bool {
    hosts.iter().any(|wider| match (wider, host) {
        (wider, HostPattern::Exact(host)) => wider.matches(host),
        (HostPattern::Exact(_), HostPattern::Suffix(_)) => false,
        (HostPattern::Suffix(wider), HostPattern::Suffix(host)) => {
            wider == host || HostPattern::Suffix(wider.clone()).matches(host)
        }
    })
}

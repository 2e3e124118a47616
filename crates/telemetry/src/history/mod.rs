//! The last hour in memory: how many requests, how many failed, how long they took, for whoever looks without a Prometheus.
//!
//! The control plane reads the counters each second and keeps what they grew by; requests do nothing for it. Seconds without
//! requests take no room.

/// How much counters grew, and what that says of durations.
mod counts;
/// What is kept of one thing.
mod track;

use std::{collections::HashMap, sync::Arc};

use crate::{GatewayMetrics, RouteMetrics, UpstreamMetrics, names};

pub use counts::Counts;
use track::Track;
pub use track::{Point, Resolution};

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Everything together; its name is empty.
    Gateway,
    Route,
    Upstream,
    /// By its upstream and its address, with `/` between them.
    Endpoint,
}

/// The last hour. To be fed once a second.
#[derive(Debug, Default)]
pub struct History {
    tracks: HashMap<(Subject, Arc<str>), Track>,
    /// When it was fed last.
    looked: Option<u64>,
    /// Things with requests that there was no room for.
    omitted: usize,
}

/// A thing and how busy it was lately.
#[derive(Debug, Clone, PartialEq)]
pub struct Busy {
    pub name: Arc<str>,
    /// Of the last minute together.
    pub point: Point,
}

/// More things with requests than these are not kept; up to 24 KiB each, if they have some in every second.
const MOST: usize = 2_000;
/// Nor are more endpoints, which take no room away from the others.
const MOST_ENDPOINTS: usize = 1_000;

// === impl Subject ===

impl Subject {
    /// As the API calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Route => "route",
            Self::Upstream => "upstream",
            Self::Endpoint => "endpoint",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        let all = [Self::Gateway, Self::Route, Self::Upstream, Self::Endpoint];
        all.into_iter().find(|subject| subject.name() == name)
    }

    const fn most(self) -> usize {
        if matches!(self, Self::Endpoint) { MOST_ENDPOINTS } else { MOST }
    }
}

// === impl History ===

impl History {
    /// Takes in what the counters of a gateway say at `second`; see [`History::tick`].
    pub fn look<'n>(
        &mut self,
        second: u64,
        gateway: &'n GatewayMetrics,
        routes: impl Iterator<Item = (&'n str, &'n RouteMetrics)>,
        upstreams: impl Iterator<Item = (&'n str, &'n UpstreamMetrics)>,
        endpoints: impl Iterator<Item = (&'n str, Counts)>,
    ) {
        let routes = routes.chain([(names::NO_ROUTE, gateway.unrouted())]).filter(|(_, metrics)| metrics.is_used());
        let routes: Vec<_> = routes.map(|(name, metrics)| (Subject::Route, name, metrics.counts())).collect();
        let whole = routes.iter().fold(Counts::default(), |sum, (.., counts)| sum.plus(counts));
        let upstreams = upstreams.filter(|(_, metrics)| metrics.is_used());
        let upstreams = upstreams.map(|(name, metrics)| (Subject::Upstream, name, metrics.counts()));
        let endpoints = endpoints.map(|(name, counts)| (Subject::Endpoint, name, counts));
        let whole = (Subject::Gateway, "", whole);
        self.tick(second, std::iter::once(whole).chain(routes).chain(upstreams).chain(endpoints));
    }

    /// Takes in what the counters say at `second`, which is counted since 1970 and never goes back.
    pub fn tick<'n>(&mut self, second: u64, all: impl Iterator<Item = (Subject, &'n str, Counts)>) {
        // What was not there at the last look had no requests then; unless it was, and there was no room for it.
        let since = self.looked.replace(second).filter(|_| self.omitted == 0);
        self.omitted = 0;
        let mut endpoints = self.tracks.keys().filter(|(subject, _)| *subject == Subject::Endpoint).count();
        let mut others = self.tracks.len() - endpoints;
        for (subject, name, counts) in all {
            let key = (subject, Arc::from(name));
            let kept = if subject == Subject::Endpoint { &mut endpoints } else { &mut others };
            if let Some(track) = self.tracks.get_mut(&key) {
                track.tick(second, counts);
            } else if *kept < subject.most() {
                *kept += 1;
                let mut track = Track::new(since.unwrap_or(second), since.map_or(counts, |_| Counts::default()));
                track.tick(second, counts);
                self.tracks.insert(key, track);
            } else {
                self.omitted += 1;
            }
        }
        self.tracks.retain(|_, track| track.is_alive(second));
    }

    /// What is known of a thing, the oldest first; `None` if it had no requests in the last hour.
    pub fn points(&self, subject: Subject, name: &str, resolution: Resolution) -> Option<Vec<Point>> {
        self.tracks.get(&(subject, Arc::from(name))).map(|track| track.points(resolution))
    }

    /// The things with the most requests in the minute before `second`, the busiest first.
    pub fn busiest(&self, subject: Subject, second: u64, most: usize) -> Vec<Busy> {
        let mut busy: Vec<_> = self
            .tracks
            .iter()
            .filter(|((of, _), _)| *of == subject)
            .filter_map(|((_, name), track)| Some(Busy { name: name.clone(), point: track.last_minute(second)? }))
            .collect();
        busy.sort_by(|one, other| {
            other.point.requests.cmp(&one.point.requests).then_with(|| one.name.cmp(&other.name))
        });
        busy.truncate(most);
        busy
    }

    /// How many things had requests and found no room.
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

#[cfg(test)]
mod tests;

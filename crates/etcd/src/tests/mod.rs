//! Against real members.

/// Whatever happens, what is told becomes what is stored.
mod convergence;
/// What a resync takes.
mod cost;
/// Members and networks that fail.
mod faults;
/// Users and TLS.
mod trust;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use fetch::Backoff;
use message::Random;
use model::{FromText, UpstreamTls, values::HttpUrl};
use testkit::{etcd::Stored, within};
use tokio::{sync::watch, task::JoinHandle};
use upstream::discovery::{Failure, FailureKind};

use super::{Follower, Keys, Members, Prefix};

const PREFIX: &str = "/services/orders/";
/// Longer than the longest wait between two tries and what a try may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What a follower was told.
#[derive(Debug, Default)]
struct Seen {
    keys: Keys,
    /// How many times something was told.
    told: usize,
    failures: Vec<Failure>,
}

/// Follows a prefix on a task of its own.
struct Followed {
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

struct Recorder(watch::Sender<Seen>);

// === impl Followed ===

impl Followed {
    fn start(members: &Members) -> Self {
        let (sender, seen) = watch::channel(Seen::default());
        let prefix = Prefix::new(members.clone(), PREFIX, Backoff::new(Random::seeded(1)));
        let task = tokio::spawn(async move { match prefix.follow(&mut Recorder(sender)).await {} });
        Self { seen, task }
    }

    #[track_caller]
    fn until(&mut self, is_so: impl FnMut(&Seen) -> bool) -> impl Future<Output = ()> {
        let waiting = within(LIMIT, self.seen.wait_for(is_so));
        async { drop(waiting.await.expect("the follower is alive")) }
    }

    /// Waits until what was told is what is stored.
    #[track_caller]
    fn becomes(&mut self, stored: &BTreeMap<Vec<u8>, Stored>) -> impl Future<Output = ()> {
        self.until(move |seen| seen.told > 0 && is(&seen.keys, stored))
    }

    fn failures(&self) -> usize {
        self.seen.borrow().failures.len()
    }

    /// Waits for one failure more than there were.
    #[track_caller]
    fn fails(&mut self, before: usize) -> impl Future<Output = FailureKind> {
        let waiting = within(LIMIT, self.seen.wait_for(move |seen| seen.failures.len() > before));
        async move { waiting.await.expect("the follower is alive").failures[before].kind }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Recorder ===

impl Follower for Recorder {
    fn changed(&mut self, keys: &Keys, changed: &BTreeSet<Vec<u8>>) {
        self.0.send_modify(|seen| {
            for key in changed {
                assert!(
                    keys.get(key) != seen.keys.get(key) || keys.get(key).is_none(),
                    "told, and nothing changed: {key:?}"
                );
            }
            let differing = keys.entries().keys().chain(seen.keys.entries().keys());
            for key in differing.filter(|key| keys.get(key) != seen.keys.get(key)) {
                assert!(changed.contains(key), "changed, and not told: {key:?}");
            }
            seen.keys = keys.clone();
            seen.told += 1;
        });
    }

    fn failed(&mut self, failure: Failure) {
        self.0.send_modify(|seen| seen.failures.push(failure));
    }
}

fn is(keys: &Keys, stored: &BTreeMap<Vec<u8>, Stored>) -> bool {
    keys.entries().len() == stored.len()
        && keys.entries().iter().zip(stored).all(|((key, entry), (other, stored))| {
            key == other && entry.value == stored.value && entry.revision == stored.revision
        })
}

fn settings<'a>(urls: impl IntoIterator<Item = &'a str>) -> model::Etcd {
    let tls = UpstreamTls { server_name: None, ca: None, client_certificate: None };
    model::Etcd { endpoints: urls.into_iter().map(|url| HttpUrl::from_text(url).unwrap()).collect(), user: None, tls }
}

/// A member behind this address.
pub(crate) fn members(address: SocketAddr) -> Members {
    Members::new(settings([&*format!("http://{address}")]))
}

fn key(name: impl std::fmt::Display) -> String {
    format!("{PREFIX}{name}")
}

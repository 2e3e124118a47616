//! Whatever happens, what is told becomes what is stored.

use std::{env, time::Instant};

use message::Random;
use testkit::{
    etcd::{Api, Member},
    faults::FaultProxy,
};

use super::{Followed, PREFIX, is, key, members};

/// How many sequences of writes and faults are tried, and the number that chance begins with; a sequence that fails can be
/// had again by it.
const SEQUENCES: &str = "SLUICE_ETCD_SEQUENCES";
const SEED: &str = "SLUICE_ETCD_SEED";

/// Few, so that they meet.
const KEYS: u64 = 24;

/// What happens to etcd, and on the way to it.
struct World {
    etcd: Member,
    api: Api,
    proxy: FaultProxy,
    random: Random,
    /// What is written, so that no value is written twice.
    written: u64,
    /// Up to where; a second time is an error.
    compacted: i64,
}

// === impl World ===

impl World {
    async fn start(seed: u64) -> Self {
        let etcd = Member::start().await;
        let (api, proxy) = (etcd.api().await, FaultProxy::start(etcd.address).await);
        Self { etcd, api, proxy, random: Random::seeded(seed), written: 0, compacted: 0 }
    }

    /// Some things, one after the other.
    async fn burst(&mut self) {
        for _ in 0..=self.below(12) {
            match self.below(100) {
                0..50 => self.put().await,
                50..70 => {
                    let key = self.key();
                    self.api.delete(&key).await;
                }
                70..77 => self.transaction().await,
                77..84 => self.lease().await,
                84..86 => _ = self.api.delete_all(PREFIX).await,
                86..92 => {
                    let revision = self.api.revision().await;
                    if revision > self.compacted {
                        self.api.compact(revision).await;
                    }
                    self.compacted = revision;
                }
                92..93 => self.api.defragment().await,
                93..94 => _ = self.api.put("/elsewhere/a", "1").await,
                _ => self.proxy.reset_all(),
            }
        }
        match self.below(200) {
            0 | 1 => {
                self.etcd.kill();
                self.etcd.start_again().await;
                self.api = self.etcd.api().await;
            }
            2 => {
                self.etcd.wipe();
                self.etcd.start_again().await;
                self.api = self.etcd.api().await;
                self.compacted = 0;
            }
            _ => {}
        }
    }

    async fn put(&mut self) {
        let (key, value) = (self.key(), self.value());
        self.api.put(&key, &value).await;
    }

    async fn transaction(&mut self) {
        // A key may be put once in it.
        let mut names: Vec<_> = (0..4).map(|_| self.key()).collect();
        names.sort_unstable();
        names.dedup();
        let entries: Vec<_> = names.into_iter().map(|key| (key, self.value())).collect();
        self.api.put_all(&entries).await;
    }

    /// A key that goes with its lease, sometimes after somebody else put it.
    async fn lease(&mut self) {
        let lease = self.api.grant(600).await;
        let (key, value) = (self.key(), self.value());
        self.api.put_with(&key, &value, lease).await;
        if self.random.hits(0.3) {
            self.put().await;
        }
        self.api.revoke(lease).await;
    }

    fn key(&mut self) -> String {
        key(self.below(KEYS))
    }

    fn value(&mut self) -> String {
        self.written += 1;
        self.written.to_string()
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.bits() % bound
    }
}

#[tokio::test]
async fn what_is_told_becomes_what_is_stored() {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let (sequences, seed): (u64, u64) = (number(SEQUENCES).unwrap_or(300), number(SEED).unwrap_or(1));
    let begun = Instant::now();
    let mut world = World::start(seed).await;
    let mut followed = Followed::start(&members(world.proxy.address));
    for sequence in 1..=sequences {
        world.burst().await;
        let stored = world.api.all(PREFIX).await;
        let waiting = followed.until(|seen| seen.told > 0 && is(&seen.keys, &stored));
        let converged = tokio::time::timeout(super::LIMIT / 2, waiting).await;
        let seen = followed.seen.borrow();
        assert!(converged.is_ok(), "sequence {sequence} of seed {seed}: stored {stored:#?}, told {seen:#?}");
        if sequence % 1000 == 0 {
            let failures = seen.failures.len();
            println!("{sequence} sequences, {failures} failures heard, {:?}", begun.elapsed());
        }
    }
    assert_eq!(world.written > 0, sequences > 0);
}

//! One task per endpoint that probes it, one per upstream that ends ejections.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use message::Random;
use model::ActiveHealth;
use tokio::{
    sync::{Notify, Semaphore, mpsc::UnboundedReceiver},
    task::{JoinHandle, spawn_local},
    time::sleep_until,
};
use upstream::{
    Rules, Upstream,
    health::{EndpointHealth, UpstreamHealth},
};

use super::{Wanted, probe::Target};

/// Probes under way at a time: a start with ten thousand endpoints shall not need ten thousand sockets at once.
const AT_ONCE: usize = 256;

/// What is done at the moment. A task is known by what it was made for; it ends when it is let go.
struct Care {
    upstreams: Wanted,
    probing: HashMap<(*const EndpointHealth, *const Rules), Task>,
    ending: HashMap<*const Upstream, Task>,
    room: Rc<Semaphore>,
    /// The endpoints of some upstream may have changed.
    changed: Rc<Notify>,
    random: Random,
}

struct Task(JoinHandle<()>);

/// Until nobody says any more what is wanted.
pub(super) async fn run(mut news: UnboundedReceiver<Wanted>) {
    let mut care = Care {
        upstreams: Vec::new(),
        probing: HashMap::new(),
        ending: HashMap::new(),
        room: Rc::new(Semaphore::new(AT_ONCE)),
        changed: Rc::default(),
        random: Random::seeded(RandomState::new().hash_one(0)),
    };
    let changed = care.changed.clone();
    loop {
        tokio::select! {
            wanted = news.recv() => match wanted {
                Some(upstreams) => care.upstreams = upstreams,
                None => return,
            },
            () = changed.notified() => {}
        }
        care.catch_up();
    }
}

// === impl Care ===

impl Care {
    /// Begins what is not done yet, and ends what is not wanted any more.
    fn catch_up(&mut self) {
        let (mut probing, mut ending) = (HashMap::new(), HashMap::new());
        for upstream in &self.upstreams {
            let Some(health) = &upstream.health else { continue };
            if let Some(active) = &health.rules.active {
                for endpoint in &upstream.set().endpoints {
                    let Some(health) = &endpoint.health else { continue };
                    let key = (Arc::as_ptr(health), Arc::as_ptr(&upstream.rules));
                    let task = self.probing.remove(&key).or_else(|| probing.remove(&key)).unwrap_or_else(|| {
                        let target = Target::new(upstream.rules.clone(), endpoint, active);
                        Task(spawn_local(probe(target, health.clone(), self.room.clone(), self.random.split())))
                    });
                    probing.insert(key, task);
                }
            }
            let key = Arc::as_ptr(upstream);
            let task = self.ending.remove(&key).unwrap_or_else(|| {
                Task(spawn_local(end_ejections(upstream.clone(), health.clone(), self.changed.clone())))
            });
            ending.insert(key, task);
        }
        (self.probing, self.ending) = (probing, ending);
    }
}

/// The first time at once.
async fn probe(target: Target, health: Arc<EndpointHealth>, room: Rc<Semaphore>, mut random: Random) {
    let Some(active) = health.upstream.rules.active.clone() else { return };
    loop {
        // The semaphore is never closed.
        let turn = room.acquire().await;
        let probe = target.probe().await;
        drop(turn);
        health.probed(probe, Instant::now());
        tokio::time::sleep(wait(&active, &mut random)).await;
    }
}

/// The interval, longer or shorter by chance.
fn wait(active: &ActiveHealth, random: &mut Random) -> Duration {
    active.interval.mul_f64(1.0 + active.jitter * (2.0 * random.fraction() - 1.0)).max(Duration::from_millis(1))
}

async fn end_ejections(upstream: Arc<Upstream>, health: Arc<UpstreamHealth>, changed: Rc<Notify>) {
    let mut generation = upstream.generation();
    loop {
        let now = Instant::now();
        let set = upstream.set();
        let tick = |endpoint: &Arc<upstream::Endpoint>| endpoint.health.as_ref()?.tick(now);
        match set.endpoints.iter().filter_map(tick).min() {
            Some(next) => tokio::select! {
                () = sleep_until(next.into()) => {}
                () = health.news() => {}
            },
            None => health.news().await,
        }
        if generation != upstream.generation() {
            generation = upstream.generation();
            changed.notify_one();
        }
    }
}

// === impl Task ===

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_spread_around_the_interval() {
        let active = ActiveHealth { interval: Duration::from_secs(10), jitter: 0.2, ..ActiveHealth::default() };
        let mut random = Random::seeded(1);
        let waits: Vec<_> = (0..1000).map(|_| wait(&active, &mut random).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (8.0..=12.0).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 8.2) && waits.iter().any(|wait| *wait > 11.8));
    }
}

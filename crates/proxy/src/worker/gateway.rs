//! The handle on all workers.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use message::{Random, Token};
use snapshot::Snapshot;
use telemetry::{
    AccessLogs, GatewayMetrics, Traces, WorkerLog, WorkerTraces,
    flight::{Caller, Filter, FlightRules, Search, Slot, Survey, Surveyed},
};
use tokio::{
    runtime::LocalRuntime,
    sync::{
        mpsc::{self, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::timeout_at,
};

use super::{
    Command, Worker,
    flights::{Rate, Tap},
    run,
};
use crate::accept::Sockets;

/// A running gateway. Dropping it ends the workers without grace.
pub struct Gateway {
    shared: Arc<Shared>,
    workers: Vec<Handle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What a gateway starts with.
pub struct Start<'a> {
    pub snapshot: Arc<Snapshot>,
    pub workers: usize,
    pub metrics: Arc<GatewayMetrics>,
    pub logs: &'a AccessLogs,
    /// What is recorded of exchanges; `None`: nothing.
    pub flight: Option<Arc<FlightRules>>,
    pub traces: Option<&'a Traces>,
    /// Whoever shows it is told more.
    pub token: Option<Token>,
    /// Called on each worker before anything else.
    pub worker_begins: fn(),
    /// Called on each worker about once a second: room for what the program wants done there, such as having its
    /// allocator give memory back that a burst left behind.
    pub housekeeping: fn(),
}

/// What all workers look at.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// Of `snapshot`; written after it.
    pub(crate) generation: AtomicU64,
    pub(crate) metrics: Arc<GatewayMetrics>,
    pub(crate) housekeeping: fn(),
    pub(crate) token: Option<Token>,
    /// What workers start with.
    pub(crate) flight: Option<Arc<FlightRules>>,
    pub(crate) workers: usize,
}

/// What a gateway records, as it is recorded.
pub struct Tapped {
    pub records: mpsc::Receiver<Slot>,
    /// Those that were wanted, but too many.
    pub dropped: Arc<AtomicU64>,
}

/// So many records may wait for whoever watches.
const WAITING: usize = 256;

/// For a worker that is busy. One that drains or has ended answers at once that it has nothing.
const PATIENCE: Duration = Duration::from_secs(10);

struct Handle {
    commands: UnboundedSender<Command>,
}

// === impl Gateway ===

impl Gateway {
    /// Starts the workers. They listen nowhere yet.
    ///
    /// # Errors
    /// The operating system gives no thread or no event queue.
    pub fn start(start: Start<'_>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            generation: AtomicU64::new(start.snapshot.generation),
            snapshot: ArcSwap::new(start.snapshot),
            metrics: start.metrics,
            housekeeping: start.housekeeping,
            token: start.token,
            flight: start.flight,
            workers: start.workers,
        });
        let (mut workers, mut threads) = (Vec::with_capacity(start.workers), Vec::with_capacity(start.workers));
        for index in 0..start.workers {
            let telling = (log_of(start.logs), start.traces.map(Traces::worker));
            let (worker, thread) = Handle::start(index, shared.clone(), telling, start.worker_begins)?;
            workers.push(worker);
            threads.push(thread);
        }
        Ok(Self { shared, workers, threads: Mutex::new(threads) })
    }

    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// Has every worker accept from `sockets`, for the listener of this binding.
    pub fn listen(&self, binding: &Arc<str>, sockets: Sockets) {
        for (worker, socket) in self.workers.iter().zip(sockets.into_each()) {
            worker.tell(Command::Listen { binding: binding.clone(), socket });
        }
    }

    /// Takes no more connections for this binding and lets those that are open finish.
    pub fn close(&self, binding: &Arc<str>) {
        for worker in &self.workers {
            worker.tell(Command::Close(binding.clone()));
        }
    }

    /// Makes `snapshot` the world of every exchange that begins from now on.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        let generation = snapshot.generation;
        self.shared.snapshot.store(snapshot);
        self.shared.generation.store(generation, Ordering::Release);
        for worker in &self.workers {
            worker.tell(Command::Refresh);
        }
    }

    /// Has exchanges that end from now on written to `logs`.
    pub fn log_to(&self, logs: &AccessLogs) {
        for worker in &self.workers {
            worker.tell(Command::Log(log_of(logs)));
        }
    }

    /// Has exchanges that end from now on recorded by these rules, or not at all. If they are as before, nothing changes.
    pub fn record_by(&self, rules: Option<&Arc<FlightRules>>) {
        for worker in &self.workers {
            worker.tell(Command::Record(rules.cloned()));
        }
    }

    /// The newest records that pass, up to `limit` of each worker.
    pub fn search(&self, filter: &Filter, limit: usize) -> impl Future<Output = Vec<Slot>> + Send + use<> {
        let found = self.ask(|reply| Command::Search(Box::new(Search::new(filter.clone(), limit)), reply));
        async move { answered(found).await.into_iter().flatten().collect() }
    }

    /// What the records of each worker say of who was behind the requests that ended since then.
    pub fn survey(&self, by: Caller, since: SystemTime) -> impl Future<Output = Vec<Surveyed>> + Send + use<> {
        answered(self.ask(|reply| Command::Survey(Survey::new(by, since), reply)))
    }

    fn ask<T>(&self, command: impl Fn(oneshot::Sender<T>) -> Command) -> Vec<oneshot::Receiver<T>> {
        let ask = |worker: &Handle| {
            let (reply, answer) = oneshot::channel();
            worker.tell(command(reply));
            answer
        };
        self.workers.iter().map(ask).collect()
    }

    /// Has records that pass handed over as they are made, up to so many a second, until `Tapped::records` is dropped.
    pub fn tap(&self, filter: Filter, per_second: u32) -> Tapped {
        let (taker, records) = mpsc::channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let rate = Rate { per_second, window: AtomicU64::new(0), dropped: dropped.clone() };
        let tap = Tap { filter: Arc::new(filter), taker, rate: Arc::new(rate) };
        for worker in &self.workers {
            worker.tell(Command::Tap(tap.clone()));
        }
        Tapped { records, dropped }
    }

    /// Has exchanges that end from now on told to `traces`.
    pub fn trace_to(&self, traces: Option<&Traces>) {
        for worker in &self.workers {
            worker.tell(Command::Trace(traces.map(Traces::worker)));
        }
    }

    /// Stops accepting, lets exchanges finish until `deadline`, and ends the workers. Blocks until then.
    pub fn drain(&self, deadline: Instant) {
        for worker in &self.workers {
            worker.tell(Command::Drain(deadline));
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A worker that panicked has nothing left to drain.
            _ = thread.join();
        }
    }
}

/// The answers of those workers that have one in time.
async fn answered<T>(answers: Vec<oneshot::Receiver<T>>) -> Vec<T> {
    let by = Instant::now() + PATIENCE;
    let mut all = Vec::with_capacity(answers.len());
    for answer in answers {
        if let Ok(Ok(answer)) = timeout_at(by.into(), answer).await {
            all.push(answer);
        }
    }
    all
}

/// The logs as a worker sees them; `None` if there are none.
fn log_of(logs: &AccessLogs) -> Option<WorkerLog> {
    let random = || Random::seeded(RandomState::new().hash_one(()));
    (!logs.is_empty()).then(|| logs.worker(random()))
}

// === impl Handle ===

impl Handle {
    fn start(
        index: usize,
        shared: Arc<Shared>,
        (log, traces): (Option<WorkerLog>, Option<WorkerTraces>),
        begins: fn(),
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (commands, inbox) = unbounded_channel();
        let (report, started) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            begins();
            let runtime = match LocalRuntime::new() {
                Ok(runtime) => runtime,
                // Whoever started the thread waits for the report.
                Err(error) => return drop(report.send(Err(error))),
            };
            _ = report.send(Ok(()));
            runtime.block_on(async { run(Worker::new(index, shared, log, traces), inbox).await });
            // Tasks that are still there missed the deadline of the drain.
            runtime.shutdown_background();
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok((Self { commands }, thread))
    }

    fn tell(&self, command: Command) {
        // A worker that is gone needs to be told nothing.
        _ = self.commands.send(command);
    }
}

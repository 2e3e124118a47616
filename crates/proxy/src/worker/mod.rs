//! One thread with its own runtime, sockets, pools and counters.

use std::{
    cell::{Cell, RefCell},
    hash::{BuildHasher, RandomState},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};

use http::HeaderMap;
use message::{Cause, Random, Record};
use slab::Slab;
use telemetry::{
    GatewayMetrics, WorkerLog, WorkerTraces,
    flight::{FlightRules, Search, Slot, Survey, Surveyed},
};
use tokio::{
    sync::{Notify, mpsc::UnboundedReceiver, oneshot},
    time::MissedTickBehavior,
};

use crate::{
    accept::{self, Socket},
    connection::Connection,
    exchange::Budget,
};

mod flights;
mod gateway;
mod world;

pub(crate) use flights::Flights;
use flights::Tap;
use gateway::Shared;
pub use gateway::{Gateway, Start, Tapped};
pub(crate) use world::{InFlight, LocalSet, LocalUpstream, World};

/// What hangs on a worker and is never shared.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) metrics: Arc<GatewayMetrics>,
    shared: Arc<Shared>,
    world: RefCell<Rc<World>>,
    /// Generation of `world`.
    generation: Cell<u64>,
    /// Who may bring exchanges: those who accept connections, and connections that are open.
    admitted: Cell<usize>,
    /// Of these, connections that said something.
    connections: RefCell<Slab<Rc<Connection>>>,
    /// Something became another that a drain looks at.
    turned: Notify,
    listening: RefCell<Vec<Listening>>,
    log: RefCell<Option<WorkerLog>>,
    pub(crate) flights: Rc<Flights>,
    /// One moment by both clocks, not long ago: what time it was when something happened needs no other look at a clock.
    clock: Cell<(Instant, SystemTime)>,
    traces: RefCell<Option<WorkerTraces>>,
    /// For the ids of traces; see [`message::trace::Rules::begin`].
    pub(crate) trace_key: u64,
    random: RefCell<Random>,
    /// At routes that came near.
    pub(crate) looks: Budget,
}

/// Somebody who may bring exchanges, until it is dropped.
pub(crate) struct Admission(Rc<Worker>);

/// Takes a connection off the list when it ends.
pub(crate) struct Registration {
    worker: Rc<Worker>,
    key: usize,
}

/// What the control plane tells a worker.
pub(crate) enum Command {
    Listen {
        binding: Arc<str>,
        socket: Socket,
    },
    /// Takes no more connections there and lets those that are open finish.
    Close(Arc<str>),
    /// A new snapshot is live: let go of the old one.
    Refresh,
    Log(Option<WorkerLog>),
    /// Records exchanges by these rules from now on, or not at all.
    Record(Option<Arc<FlightRules>>),
    /// Looks through what was recorded.
    Search(Box<Search>, oneshot::Sender<Vec<Slot>>),
    /// Counts what was recorded.
    Survey(Survey, oneshot::Sender<Surveyed>),
    /// Somebody watches what is recorded.
    Tap(Tap),
    Trace(Option<WorkerTraces>),
    /// Finishes what is under way until then, and ends.
    Drain(Instant),
}

/// An address that is being accepted from.
struct Listening {
    binding: Arc<str>,
    stop: Rc<Notify>,
}

/// Age at which log lines go out, and how often pools are looked through.
const TICK: Duration = Duration::from_secs(1);

/// How long a drain waits for the first bytes of those who connected before.
const ARRIVING: Duration = Duration::from_secs(1);

/// The life of a worker.
pub(crate) async fn run(worker: Rc<Worker>, mut commands: UnboundedReceiver<Command>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Listen { binding, socket }) => worker.listen(binding, socket),
                Some(Command::Close(binding)) => worker.close(&binding),
                Some(Command::Refresh) => drop(worker.world()),
                Some(Command::Log(log)) => _ = worker.log.replace(log),
                Some(Command::Record(rules)) => worker.record_by(rules),
                Some(Command::Search(search, reply)) => {
                    drop(tokio::task::spawn_local(worker.flights.clone().look(*search, reply)));
                }
                Some(Command::Survey(survey, reply)) => {
                    drop(tokio::task::spawn_local(worker.flights.clone().look(survey, reply)));
                }
                Some(Command::Tap(tap)) => worker.flights.tap(tap),
                Some(Command::Trace(traces)) => _ = worker.traces.replace(traces),
                Some(Command::Drain(deadline)) => {
                    // Whoever asks for something now learns at once that nobody answers.
                    drop(commands);
                    return worker.drain(deadline).await;
                }
                None => return worker.drain(Instant::now()).await,
            },
            _ = tick.tick() => worker.tick(),
        }
    }
}

// === impl Worker ===

impl Worker {
    fn new(index: usize, shared: Arc<Shared>, log: Option<WorkerLog>, traces: Option<WorkerTraces>) -> Rc<Self> {
        let snapshot = shared.snapshot.load_full();
        let flights = Flights::default();
        flights.follow(shared.flight.clone(), index, shared.workers);
        Rc::new(Self {
            index,
            metrics: shared.metrics.clone(),
            shared,
            generation: Cell::new(snapshot.generation),
            world: RefCell::new(Rc::new(World::new(snapshot, None))),
            admitted: Cell::default(),
            connections: RefCell::default(),
            turned: Notify::new(),
            listening: RefCell::default(),
            log: RefCell::new(log),
            flights: Rc::new(flights),
            clock: Cell::new((Instant::now(), SystemTime::now())),
            traces: RefCell::new(traces),
            trace_key: RandomState::new().hash_one(index),
            random: RefCell::new(Random::seeded(RandomState::new().hash_one(index))),
            looks: Budget::new(Instant::now()),
        })
    }

    /// The world as it is now. One load of a line that only changes with the document.
    pub(crate) fn world(&self) -> Rc<World> {
        let generation = self.shared.generation.load(Ordering::Acquire);
        if self.generation.replace(generation) != generation {
            let snapshot = self.shared.snapshot.load_full();
            let renewed = World::new(snapshot, Some(&self.world.borrow()));
            self.world.replace(Rc::new(renewed));
        }
        self.world.borrow().clone()
    }

    /// Chance for one exchange.
    pub(crate) fn random(&self) -> Random {
        self.random.borrow_mut().split()
    }

    pub(crate) fn admit(self: &Rc<Self>) -> Admission {
        self.admitted.set(self.admitted.get() + 1);
        Admission(self.clone())
    }

    pub(crate) fn register(self: &Rc<Self>, connection: Rc<Connection>) -> Registration {
        self.metrics.connection_opened(self.index);
        let key = self.connections.borrow_mut().insert(connection);
        self.turned.notify_one();
        Registration { worker: self.clone(), key }
    }

    /// Counts a refusal that never became an exchange.
    pub(crate) fn note_cause(&self, cause: Cause) {
        self.metrics.caused(self.index, cause);
    }

    fn record_by(&self, rules: Option<Arc<FlightRules>>) {
        self.flights.follow(rules, self.index, self.shared.workers);
    }

    /// What time it was at this moment.
    pub(crate) fn time_of(&self, moment: Instant) -> SystemTime {
        let (instant, time) = self.clock.get();
        match moment.checked_duration_since(instant) {
            Some(after) => time + after,
            None => time.checked_sub(instant.saturating_duration_since(moment)).unwrap_or(time),
        }
    }

    pub(crate) fn has_log(&self) -> bool {
        self.log.borrow().is_some()
    }

    /// Whether any log wants a line of an exchange that ends.
    pub(crate) fn log_wants(&self, record: &Record) -> bool {
        self.log.borrow_mut().as_mut().is_some_and(|log| log.wants(record))
    }

    /// Whether this is the admin token.
    pub(crate) fn is_token(&self, shown: &[u8]) -> bool {
        self.shared.token.as_ref().is_some_and(|token| token.is(shown))
    }

    /// The fields of a response's head that a log wants to tell of later; `None` if there are none, as usual.
    pub(crate) fn noted_for_log(&self, headers: &HeaderMap) -> Option<Box<HeaderMap>> {
        let log = self.log.borrow();
        let wanted = log.as_ref()?.response_headers();
        if wanted.is_empty() {
            return None;
        }
        let found = wanted.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
        Some(Box::new(found.collect()))
    }

    pub(crate) fn with_log(&self, write: impl FnOnce(&mut WorkerLog)) {
        if let Some(log) = &mut *self.log.borrow_mut() {
            write(log);
        }
    }

    pub(crate) fn with_traces(&self, tell: impl FnOnce(&mut WorkerTraces)) {
        if let Some(traces) = &mut *self.traces.borrow_mut() {
            tell(traces);
        }
    }

    fn listen(self: &Rc<Self>, binding: Arc<str>, socket: Socket) {
        let listening = Listening { binding: binding.clone(), stop: Rc::new(Notify::new()) };
        let stop = listening.stop.clone();
        drop(tokio::task::spawn_local(accept::run(self.clone(), binding, socket, stop)));
        self.listening.borrow_mut().push(listening);
    }

    fn close(&self, binding: &str) {
        self.listening.borrow_mut().retain(|listening| {
            let stays = *listening.binding != *binding;
            if !stays {
                listening.stop.notify_one();
            }
            stays
        });
        for (_, connection) in &*self.connections.borrow() {
            if connection.binding() == binding {
                connection.drain();
            }
        }
    }

    fn tick(&self) {
        let now = Instant::now();
        self.clock.set((now, SystemTime::now()));
        self.world.borrow().sweep(now);
        self.with_log(WorkerLog::tick);
        self.flights.tick();
        self.with_traces(WorkerTraces::tick);
        (self.shared.housekeeping)();
    }

    async fn drain(&self, deadline: Instant) {
        // What the kernel has accepted for us is still served: the acceptors hear of it with the next look at the event queue, and
        // empty their queues before they stop.
        tokio::task::yield_now().await;
        for listening in self.listening.borrow_mut().drain(..) {
            listening.stop.notify_one();
        }
        let arrived = deadline.min(Instant::now() + ARRIVING);
        _ = tokio::time::timeout_at(arrived.into(), self.drained_while(Self::awaits_arrivals)).await;
        _ = tokio::time::timeout_at(deadline.into(), self.drained_while(Self::is_busy)).await;
        self.with_log(WorkerLog::tick);
        self.with_traces(WorkerTraces::tick);
    }

    /// Lets exchanges finish, and connections take no more, until this is so no longer.
    async fn drained_while(&self, is_so: fn(&Self) -> bool) {
        while is_so(self) {
            for (_, connection) in &*self.connections.borrow() {
                connection.drain();
            }
            self.turned.notified().await;
        }
    }

    /// Queues are not empty yet, or somebody came of whom nothing is known: what they say may be under way.
    fn awaits_arrivals(&self) -> bool {
        self.admitted.get() > self.connections.borrow().len()
    }

    /// Connections are open, or tunnels, which have left theirs.
    fn is_busy(&self) -> bool {
        !self.connections.borrow().is_empty() || self.metrics.inflight_of(self.index) > 0
    }

    /// Something ended that a drain may wait for.
    pub(crate) fn note_end(&self) {
        self.turned.notify_one();
    }
}

// === impl Admission ===

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.admitted.set(self.0.admitted.get() - 1);
        self.0.note_end();
    }
}

// === impl Registration ===

impl Drop for Registration {
    fn drop(&mut self) {
        self.worker.metrics.connection_closed(self.worker.index);
        // Dropped after the borrow ends, because a connection may take its last breath here.
        let ended = self.worker.connections.borrow_mut().remove(self.key);
        drop(ended);
        self.worker.note_end();
    }
}

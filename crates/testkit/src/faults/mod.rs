//! A TCP proxy that does to a connection what networks do.

mod flow;
mod lane;

use std::{future::Future, net::SocketAddr, pin::pin, time::Duration};

use demo::{Scope, ScopeOwner};
use futures_util::future::{Either, select};
use message::Random;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{PATIENCE, clock::Clock, origin, within};
use flow::Flow;
use lane::Ending;

/// A faulty network in front of a target; without faults it passes octets on as they are.
///
/// Faults hold for connections that are open as well as for new ones, from the next octet that passes.
#[derive(Debug)]
pub struct FaultProxy {
    /// Where it listens.
    pub address: SocketAddr,
    plan: watch::Sender<Plan>,
    resets: watch::Sender<u64>,
    held: watch::Receiver<u64>,
    _owner: ScopeOwner,
}

/// What is wrong with one direction. Several may be at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Octets arrive so much later; those behind them do not wait longer for that.
    Delay(Duration),
    /// Each piece arrives up to so much later, but none before the one in front of it.
    Jitter(Duration),
    /// At most so many octets per second pass.
    Throttle(u64),
    /// Nothing passes and nobody is told, until that is over: then what was held back comes.
    Blackhole,
    /// The octet at this place of the stream, from 0, is inverted.
    CorruptAt(u64),
    /// Octets are inverted by chance, this part of them, from 0 to 1.
    CorruptSome(f64),
    /// Both sides are reset once so many octets have passed on this connection.
    Reset { after: u64 },
    /// The receiver reads the end once so many octets have passed; the other direction goes on.
    HalfClose { after: u64 },
    /// Both sides are closed in order once so many octets have passed.
    Truncate { after: u64 },
    /// All vanishes that follows so many octets, and the connection stays open.
    Hang { after: u64 },
}

/// Which way octets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client of the proxy sends.
    ToTarget,
    /// What the target sends back.
    ToClient,
}

/// How a [`FaultProxy`] tells time, and what its chance begins with: the same seed gives the same faults.
#[derive(Debug, Clone)]
pub struct Settings {
    pub clock: Clock,
    pub seed: u64,
}

#[derive(Debug, Clone, Default)]
struct Plan {
    refuse: bool,
    to_target: Vec<Fault>,
    to_client: Vec<Fault>,
}

/// What every connection needs.
#[derive(Clone)]
struct Network {
    target: SocketAddr,
    clock: Clock,
    plan: watch::Receiver<Plan>,
    resets: watch::Receiver<u64>,
    held: watch::Sender<u64>,
}

// === impl FaultProxy ===

impl FaultProxy {
    /// Starts without faults.
    pub async fn start(target: SocketAddr) -> Self {
        Self::with(target, Settings::default()).await
    }

    /// Starts without faults, with a time or a chance of the test's own.
    pub async fn with(target: SocketAddr, settings: Settings) -> Self {
        let (listener, address) = origin::bind().await;
        let (owner, scope) = Scope::open();
        let (plan, plans) = watch::channel(Plan::default());
        let (resets, reset) = watch::channel(0);
        let (holding, held) = watch::channel(0);
        let network = Network { target, clock: settings.clock, plan: plans, resets: reset, held: holding };
        scope.clone().spawn(accept(listener, network, Random::seeded(settings.seed), scope));
        Self { address, plan, resets, held, _owner: owner }
    }

    /// These are the faults of one direction from now on.
    pub fn set(&self, direction: Direction, faults: impl IntoIterator<Item = Fault>) {
        let faults = faults.into_iter().collect();
        self.plan.send_modify(|plan| *plan.lane(direction) = faults);
    }

    /// These are the faults of both directions from now on.
    pub fn set_both(&self, faults: impl IntoIterator<Item = Fault>) {
        let faults: Vec<_> = faults.into_iter().collect();
        self.plan.send_modify(|plan| (plan.to_target, plan.to_client) = (faults.clone(), faults));
    }

    /// New connections are reset as soon as they are accepted.
    pub fn refuse(&self) {
        self.plan.send_modify(|plan| plan.refuse = true);
    }

    /// Takes every fault away.
    pub fn heal(&self) {
        self.plan.send_replace(Plan::default());
    }

    /// Resets every open connection, on both sides.
    pub fn reset_all(&self) {
        self.resets.send_modify(|count| *count += 1);
    }

    /// Waits until exactly so many octets, of all connections, are on their way: taken from a sender and not yet passed on.
    ///
    /// # Panics
    /// When they are not in time.
    #[track_caller]
    pub fn holds(&self, octets: u64) -> impl Future<Output = ()> {
        let mut held = self.held.clone();
        within(PATIENCE, async move {
            held.wait_for(|held| *held == octets).await.expect("the proxy is running");
        })
    }
}

async fn accept(listener: TcpListener, network: Network, mut random: Random, scope: Scope) {
    loop {
        let client = origin::accept(&listener).await;
        if network.plan.borrow().refuse {
            let _ = client.set_zero_linger();
            continue;
        }
        scope.spawn(connection(client, network.clone(), random.split()));
    }
}

async fn connection(client: TcpStream, mut network: Network, mut random: Random) {
    network.resets.mark_unchanged();
    // To its client, a target that is down looks like one that hangs up.
    let Ok(target) = TcpStream::connect(network.target).await else { return };
    // A peer that is gone already shows at the first reading.
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let there = Flow::new(&client, &target, &network, Direction::ToTarget, random.split());
    let back = Flow::new(&target, &client, &network, Direction::ToClient, random.split());
    let mut resets = network.resets.clone();
    let ending = tokio::select! {
        ending = both(there.run(), back.run()) => ending,
        _ = resets.changed() => Ending::Reset,
    };
    if ending == Ending::Reset {
        let _ = (client.set_zero_linger(), target.set_zero_linger());
    }
}

/// Waits until both directions have ended, or one says that all is over.
async fn both(there: impl Future<Output = Ending>, back: impl Future<Output = Ending>) -> Ending {
    match select(pin!(there), pin!(back)).await {
        Either::Left((Ending::HalfClose, back)) => back.await,
        Either::Right((Ending::HalfClose, there)) => there.await,
        Either::Left((ending, _)) | Either::Right((ending, _)) => ending,
    }
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self { clock: Clock::real(), seed: 1 }
    }
}

// === impl Plan ===

impl Plan {
    fn lane(&mut self, direction: Direction) -> &mut Vec<Fault> {
        match direction {
            Direction::ToTarget => &mut self.to_target,
            Direction::ToClient => &mut self.to_client,
        }
    }

    fn faults(&self, direction: Direction) -> &[Fault] {
        match direction {
            Direction::ToTarget => &self.to_target,
            Direction::ToClient => &self.to_client,
        }
    }
}

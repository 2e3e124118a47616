//! A TCP proxy that does to a connection what networks do.

use std::{future::Future, io, net::SocketAddr, pin::pin, time::Duration};

use demo::{Scope, ScopeOwner};
use futures_util::future::{Either, select};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::origin;

/// A faulty network in front of a target; without faults it passes octets on as they are.
#[derive(Debug)]
pub struct FaultProxy {
    /// Where it listens.
    pub address: SocketAddr,
    plan: watch::Sender<Plan>,
    resets: watch::Sender<u64>,
    _owner: ScopeOwner,
}

/// What happens on every connection from now on, also on those that are open.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// New connections are reset as soon as they are accepted.
    pub refuse: bool,
    /// What the client of the proxy sends to the target.
    pub to_target: Lane,
    /// What the target sends back.
    pub to_client: Lane,
}

/// The faults of one direction.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    /// Each piece comes so much later.
    pub delay: Duration,
    /// And up to so much more, different for each piece.
    pub jitter: Duration,
    /// The most octets per second.
    pub bytes_per_second: Option<u64>,
    /// Nothing passes and nobody is told, until the plan changes.
    pub blackhole: bool,
    /// The octet at this place of the stream, from 0, is inverted.
    pub corrupt_at: Option<u64>,
    /// The stream ends after so many octets, in this way.
    pub cut: Option<(u64, Ending)>,
}

/// How a cut stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its receiver reads the end; the other direction goes on.
    HalfClose,
    /// Both sides are closed in order.
    Close,
    /// Both sides are reset.
    Reset,
    /// The rest vanishes, and the connection stays open.
    Hang,
}

/// One direction of one connection.
struct Flow<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    plan: watch::Receiver<Plan>,
    lane: fn(&Plan) -> &Lane,
    /// Octets that were passed on.
    passed: u64,
    /// The state of a small generator: jitter differs, and a run can be repeated.
    random: u64,
}

// === impl FaultProxy ===

impl FaultProxy {
    /// Starts without faults.
    pub async fn start(target: SocketAddr) -> Self {
        let (listener, address) = origin::bind().await;
        let (owner, scope) = Scope::open();
        let (plan, plans) = watch::channel(Plan::default());
        let (resets, reset) = watch::channel(0);
        scope.clone().spawn(accept(listener, target, plans, reset, scope));
        Self { address, plan, resets, _owner: owner }
    }

    /// Changes the plan, for open connections as well; each reads it before its next piece.
    pub fn change(&self, change: impl FnOnce(&mut Plan)) {
        self.plan.send_modify(change);
    }

    /// Takes every fault away.
    pub fn heal(&self) {
        self.plan.send_replace(Plan::default());
    }

    /// Resets every open connection, on both sides.
    pub fn reset_all(&self) {
        self.resets.send_modify(|count| *count += 1);
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    plan: watch::Receiver<Plan>,
    reset: watch::Receiver<u64>,
    scope: Scope,
) {
    let mut number = 0;
    loop {
        let client = origin::accept(&listener).await;
        number += 1;
        if plan.borrow().refuse {
            let _ = client.set_zero_linger();
            continue;
        }
        scope.spawn(connection(client, target, plan.clone(), reset.clone(), number));
    }
}

async fn connection(
    client: TcpStream,
    target: SocketAddr,
    plan: watch::Receiver<Plan>,
    mut reset: watch::Receiver<u64>,
    number: u64,
) {
    reset.mark_unchanged();
    // To its client, a target that is down looks like one that hangs up.
    let Ok(target) = TcpStream::connect(target).await else { return };
    // A peer that is gone already shows at the first reading.
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let there = Flow::new(&client, &target, plan.clone(), |plan| &plan.to_target, number);
    let back = Flow::new(&target, &client, plan, |plan| &plan.to_client, !number);
    let ending = tokio::select! {
        ending = both(there.run(), back.run()) => ending,
        _ = reset.changed() => Ending::Reset,
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

// === impl Flow ===

impl<'a> Flow<'a> {
    fn new(
        from: &'a TcpStream,
        to: &'a TcpStream,
        plan: watch::Receiver<Plan>,
        lane: fn(&Plan) -> &Lane,
        seed: u64,
    ) -> Self {
        Self { from, to, plan, lane, passed: 0, random: seed | 1 }
    }

    /// Passes octets on until the stream ends, by itself or by the plan.
    async fn run(mut self) -> Ending {
        let mut piece = [0; 16 * 1024];
        loop {
            let lane = (self.lane)(&self.plan.borrow_and_update()).clone();
            let room = match lane.cut {
                Some((limit, ending)) if self.passed >= limit => return self.end(ending, &mut piece).await,
                Some((limit, _)) => limit - self.passed,
                None => u64::MAX,
            };
            tokio::select! {
                // First what the test has said, then what the network brings.
                biased;
                _ = self.plan.changed() => continue,
                _ = self.from.readable(), if !lane.blackhole => {}
            }
            let most = usize::try_from(room).map_or(piece.len(), |room| room.min(piece.len()));
            match self.from.try_read(&mut piece[..most]) {
                Ok(0) => return self.end(Ending::HalfClose, &mut piece).await,
                Ok(count) => {
                    if self.pass(&mut piece[..count], &lane).await.is_err() {
                        return Ending::Reset;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Ending::Reset,
            }
        }
    }

    async fn pass(&mut self, piece: &mut [u8], lane: &Lane) -> io::Result<()> {
        let length = piece.len() as u64;
        if let Some(at) = lane.corrupt_at.and_then(|at| at.checked_sub(self.passed))
            && let Some(octet) = usize::try_from(at).ok().and_then(|at| piece.get_mut(at))
        {
            *octet = !*octet;
        }
        let throttle = lane.bytes_per_second.map_or(0.0, |rate| length as f64 / rate.max(1) as f64);
        let wait = lane.delay + lane.jitter.mul_f64(self.fraction()) + Duration::from_secs_f64(throttle);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let mut rest = &*piece;
        while !rest.is_empty() {
            self.to.writable().await?;
            match self.to.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.passed += length;
        Ok(())
    }

    async fn end(&self, ending: Ending, piece: &mut [u8]) -> Ending {
        match ending {
            // It fails only when the receiver is gone, and then there is nobody to be told.
            Ending::HalfClose => drop(rustix::net::shutdown(self.to, rustix::net::Shutdown::Write)),
            Ending::Hang => loop {
                let _ = self.from.readable().await;
                match self.from.try_read(piece) {
                    Ok(0) => return std::future::pending().await,
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Ending::Reset,
                    _ => {}
                }
            },
            Ending::Close | Ending::Reset => {}
        }
        ending
    }

    /// From 0 to 1 (xorshift).
    fn fraction(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

//! One direction of one connection.

use std::{collections::VecDeque, io, time::Duration};

use message::Random;
use tokio::{net::TcpStream, sync::watch};

use super::{
    Direction, Network, Plan,
    lane::{Ending, Lane, Line},
};
use crate::clock::Clock;

/// Takes octets from one side, keeps them for as long as the faults say, and gives them to the other.
pub(super) struct Flow<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    plan: watch::Receiver<Plan>,
    direction: Direction,
    clock: Clock,
    random: Random,
    line: Line,
    /// On their way, in order.
    pieces: VecDeque<Piece>,
    /// Octets on their way, also those of other flows.
    held: watch::Sender<u64>,
    /// Octets on their way, of this flow.
    holding: u64,
    /// Octets that were passed on.
    passed: u64,
}

struct Piece {
    arrives: Duration,
    octets: Vec<u8>,
    /// Some of it may have been passed on.
    is_touched: bool,
    /// The sender ended behind it.
    is_last: bool,
}

/// Octets on their way, at most; beyond, the sender waits.
const ROOM: u64 = 256 << 10;

// === impl Flow ===

impl<'a> Flow<'a> {
    pub(super) fn new(
        from: &'a TcpStream,
        to: &'a TcpStream,
        network: &Network,
        direction: Direction,
        random: Random,
    ) -> Self {
        let Network { clock, plan, held, .. } = network.clone();
        let (line, pieces) = (Line::default(), VecDeque::new());
        Self { from, to, plan, direction, clock, random, line, pieces, held, holding: 0, passed: 0 }
    }

    /// Passes octets on until the stream ends, by itself or by a fault.
    pub(super) async fn run(mut self) -> Ending {
        loop {
            let lane = Lane::of(self.plan.borrow_and_update().faults(self.direction));
            if let Some((_, ending)) = lane.end.filter(|(after, _)| *after <= self.passed) {
                return self.end(ending).await;
            }
            let now = self.clock.now();
            let arrives = self.pieces.front().filter(|_| !lane.is_blackhole).map(|piece| piece.arrives);
            if arrives.is_some_and(|arrives| arrives <= now) && self.is_at_end() {
                return self.end(Ending::HalfClose).await;
            }
            let may_read = self.holding < ROOM && !self.pieces.back().is_some_and(|piece| piece.is_last);
            let done = tokio::select! {
                // First what the test has said, then what arrives, then what is sent.
                biased;
                _ = self.plan.changed() => Ok(()),
                _ = self.to.writable(), if arrives.is_some_and(|arrives| arrives <= now) => self.write(&lane),
                () = self.clock.sleep_until(arrives.unwrap_or_default()), if arrives.is_some_and(|arrives| arrives > now) => Ok(()),
                _ = self.from.readable(), if may_read => self.read(&lane),
            };
            match done {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Ending::Reset,
            }
        }
    }

    /// Takes what the sender has sent.
    fn read(&mut self, lane: &Lane) -> io::Result<()> {
        let mut octets = [0; 16 * 1024];
        let count = self.from.try_read(&mut octets)?;
        let now = self.clock.now();
        if count == 0 {
            let arrives = lane.arrival(0, now, &mut self.line, &mut self.random);
            self.pieces.push_back(Piece { arrives, octets: Vec::new(), is_touched: false, is_last: true });
        }
        for octets in octets[..count].chunks(lane.piece()) {
            let arrives = lane.arrival(octets.len(), now, &mut self.line, &mut self.random);
            self.pieces.push_back(Piece { arrives, octets: octets.to_vec(), is_touched: false, is_last: false });
        }
        self.hold(count as i64);
        Ok(())
    }

    /// Gives the receiver of the first piece what it takes, up to where the stream shall end.
    fn write(&mut self, lane: &Lane) -> io::Result<()> {
        let Some(piece) = self.pieces.front_mut() else { return Ok(()) };
        if !std::mem::replace(&mut piece.is_touched, true) {
            lane.corrupt(&mut piece.octets, self.passed, &mut self.random);
        }
        let room = lane.end.map_or(u64::MAX, |(after, _)| after - self.passed);
        let most = usize::try_from(room).map_or(piece.octets.len(), |room| room.min(piece.octets.len()));
        let count = self.to.try_write(&piece.octets[..most])?;
        piece.octets.drain(..count);
        if piece.octets.is_empty() {
            self.pieces.pop_front();
        }
        self.passed += count as u64;
        self.hold(-(count as i64));
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        self.pieces.front().is_some_and(|piece| piece.is_last)
    }

    async fn end(mut self, ending: Ending) -> Ending {
        match ending {
            // It fails only when the receiver is gone, and then there is nobody to be told.
            Ending::HalfClose => drop(rustix::net::shutdown(self.to, rustix::net::Shutdown::Write)),
            Ending::Hang => return self.swallow().await,
            Ending::Close | Ending::Reset => {}
        }
        ending
    }

    /// Takes whatever the sender sends, and says nothing about its end.
    async fn swallow(&mut self) -> Ending {
        self.pieces.clear();
        self.hold(-(self.holding as i64));
        let mut octets = [0; 16 * 1024];
        loop {
            let _ = self.from.readable().await;
            match self.from.try_read(&mut octets) {
                Ok(0) => return std::future::pending().await,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Ending::Reset,
                _ => {}
            }
        }
    }

    fn hold(&mut self, more: i64) {
        self.holding = self.holding.saturating_add_signed(more);
        self.held.send_modify(|held| *held = held.saturating_add_signed(more));
    }
}

impl Drop for Flow<'_> {
    fn drop(&mut self) {
        self.held.send_modify(|held| *held -= self.holding);
    }
}

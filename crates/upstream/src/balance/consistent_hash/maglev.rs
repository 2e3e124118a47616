//! A table of a prime size (Eisenbud et al. 2016, "Maglev"): each endpoint has an order of its own over all entries, and
//! the endpoints take turns to claim the next free one in theirs, the heavier ones more often.
//!
//! Shares are even up to one entry. If an endpoint goes, its entries are claimed anew, and a few of the others' change
//! hands on the way.

use std::sync::Arc;

use super::seed::{Seeded, seeded};
use crate::Endpoint;

pub(super) struct Maglev {
    /// Indices of endpoints; none if no endpoint has a weight.
    owners: Box<[u32]>,
}

/// Sizes of the paper. The larger one (2.5 MiB) is for sets of which an endpoint would else have fewer than a hundred
/// entries; that is where unevenness begins to show.
const SIZES: [u32; 2] = [65_537, 655_373];
const ENTRIES_EACH: usize = 100;

/// An endpoint at its turns.
struct Turn {
    index: u32,
    weight: u64,
    /// The next entry in its order, and how far it is to the one after.
    next: u32,
    skip: u32,
    /// What the rounds so far, times the weight, must reach for the next turn.
    due: u64,
}

// === impl Maglev ===

impl Maglev {
    pub(super) fn new(endpoints: &[Arc<Endpoint>]) -> Self {
        let seeded = seeded(endpoints);
        let [small, large] = SIZES;
        let size = if seeded.len() * ENTRIES_EACH <= small as usize { small } else { large };
        let heaviest = seeded.iter().map(|endpoint| endpoint.weight).max().unwrap_or(1);
        let turn = |mut seeded: Seeded| Turn {
            index: seeded.index,
            weight: seeded.weight,
            next: (seeded.numbers.bits() % u64::from(size)) as u32,
            skip: (seeded.numbers.bits() % u64::from(size - 1)) as u32 + 1,
            due: 0,
        };
        let mut turns: Vec<Turn> = seeded.into_iter().map(turn).collect();
        if turns.is_empty() {
            return Self { owners: Box::default() };
        }
        let mut owners = vec![FREE; size as usize];
        let mut free = size;
        // Ends: whoever is heaviest claims one entry in every round.
        for round in 1.. {
            for turn in &mut turns {
                if round * turn.weight < turn.due {
                    continue;
                }
                turn.due += heaviest;
                turn.claim(&mut owners);
                free -= 1;
                if free == 0 {
                    return Self { owners: owners.into() };
                }
            }
        }
        Self { owners: owners.into() }
    }

    pub(super) fn owners(&self) -> &[u32] {
        &self.owners
    }

    /// Where the walk for a key begins.
    pub(super) fn find(&self, key: u64) -> usize {
        match self.owners.len() as u64 {
            0 => 0,
            size => (key % size) as usize,
        }
    }

    /// How far it goes from one entry to the next: differently for each key, since those that follow one endpoint's entries
    /// in the table are not evenly the others'. The size is a prime, so the walk comes by every entry.
    pub(super) fn step(&self, key: u64) -> usize {
        match self.owners.len() as u64 {
            0 => 0,
            size => (key / size % (size - 1)) as usize + 1,
        }
    }
}

/// Nobody's yet.
const FREE: u32 = u32::MAX;

// === impl Turn ===

impl Turn {
    /// Takes the next entry of its order that is free; there must be one.
    fn claim(&mut self, owners: &mut [u32]) {
        let size = owners.len() as u32;
        loop {
            let entry = self.next;
            // Both are below the size, which is far below what fits.
            self.next = (entry + self.skip) % size;
            if owners[entry as usize] == FREE {
                owners[entry as usize] = self.index;
                return;
            }
        }
    }
}

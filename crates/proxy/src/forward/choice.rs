//! Which endpoint is asked.

use std::time::Instant;

use message::{Error, Random, Result};
use smallvec::SmallVec;
use upstream::{Upstream, balance::Ask};

use super::{
    breaker::{self, Passes},
    no_endpoint,
};
use crate::worker::LocalSet;

/// Who is asked for an endpoint.
pub(super) struct Asked<'a> {
    pub(super) set: &'a LocalSet,
    pub(super) subset: Option<u32>,
    pub(super) worker: usize,
    pub(super) upstream: &'a Upstream,
}

/// So many endpoints whose breaker is open are met by the balancer. Then whoever may be asked is looked for in order, so
/// that many that may not do not cost more than one look each.
const MOST_MET: usize = 8;

/// Another endpoint than those that were tried, or any if all were, whose breaker gives leave.
///
/// # Errors
/// [`Cause::NoEndpoint`](message::Cause::NoEndpoint), or [`Cause::BreakerOpen`](message::Cause::BreakerOpen) if every breaker
/// is open.
pub(super) fn choose<'a>(
    asked: &Asked<'a>,
    tried: &mut SmallVec<[usize; 4]>,
    passes: &mut Passes<'a>,
    now: Instant,
    random: &mut Random,
) -> Result<usize> {
    let Asked { set, subset, worker, upstream } = *asked;
    let mut failed = tried.len();
    let mut refusal: Option<Error> = None;
    let chosen = loop {
        let Some(endpoint) = set.pick(subset, &Ask { worker, tried }) else {
            if failed == 0 {
                break None;
            }
            // All were asked in vain: any of them will do.
            tried.drain(..failed);
            failed = 0;
            continue;
        };
        let Some(guard) = set.guard(endpoint) else { break Some(endpoint) };
        match passes.enter(guard, now, random) {
            Ok(()) => break Some(endpoint),
            Err(refused) => {
                refusal.get_or_insert_with(|| breaker::open(guard, &refused, now));
                tried.push(endpoint);
            }
        }
        if tried.len() - failed >= MOST_MET {
            break look(asked, &tried[..failed], passes, now, random);
        }
    };
    tried.truncate(failed);
    match (chosen, refusal) {
        (Some(endpoint), _) => Ok(endpoint),
        (None, Some(refusal)) => Err(refusal),
        (None, None) => Err(no_endpoint(upstream, subset)),
    }
}

/// Asks one after the other, from anywhere; those that were tried in vain at the end.
fn look<'a>(
    asked: &Asked<'a>,
    failed: &[usize],
    passes: &mut Passes<'a>,
    now: Instant,
    random: &mut Random,
) -> Option<usize> {
    let all: Vec<usize> = asked.set.eligible(asked.subset).collect();
    let start = (random.fraction() * all.len() as f64) as usize;
    let (before, after) = all.split_at(start.min(all.len()));
    let mut may = |endpoint: &usize| match asked.set.guard(*endpoint) {
        Some(guard) => passes.enter(guard, now, random).is_ok(),
        None => true,
    };
    let in_turn = || after.iter().chain(before).copied();
    let fresh = in_turn().filter(|endpoint| !failed.contains(endpoint)).find(&mut may);
    fresh.or_else(|| in_turn().filter(|endpoint| failed.contains(endpoint)).find(&mut may))
}

//! What a breaker costs a request: alone, and while other workers ask the same one.

use std::time::{Duration, Instant};

use message::Random;
use upstream::breaker::{Breaker, Mode, Outcome, Rules};

const TOOK: Duration = Duration::from_millis(1);

fn main() {
    divan::main();
}

/// One request that goes well.
#[divan::bench(threads = [1, 2])]
fn success(bencher: divan::Bencher<'_, '_>) {
    let now = Instant::now();
    let breaker = Breaker::new(Rules::default(), now);
    bencher.with_inputs(|| Random::seeded(1)).bench_refs(|random| {
        if let Ok(pass) = breaker.admit(now, random).pass {
            pass.record(Outcome::Success, TOOK, now, random);
        }
    });
}

/// One request that fails, of so few that the breaker stays closed.
#[divan::bench]
fn failure(bencher: divan::Bencher<'_, '_>) {
    let now = Instant::now();
    let breaker = Breaker::new(Rules { min_requests: u32::MAX, ..Rules::default() }, now);
    bencher.with_inputs(|| Random::seeded(1)).bench_local_refs(|random| {
        if let Ok(pass) = breaker.admit(now, random).pass {
            pass.record(Outcome::Failure, TOOK, now, random);
        }
    });
}

/// One request that may not pass.
#[divan::bench]
fn refusal(bencher: divan::Bencher<'_, '_>) {
    let now = Instant::now();
    let breaker = Breaker::new(Rules::default(), now);
    breaker.set_mode(Mode::ForcedOpen, now);
    bencher.with_inputs(|| Random::seeded(1)).bench_local_refs(|random| breaker.admit(now, random).pass.is_err());
}

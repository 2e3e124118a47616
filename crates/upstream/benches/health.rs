//! What passive health costs a request: one that goes well, and one that fails without ejecting anybody.

use std::time::{Duration, Instant};

use model::{FailureRatio, PassiveHealth};
use upstream::health::{Passive, Verdict};

fn main() {
    divan::main();
}

/// All that can be counted is.
fn rules() -> PassiveHealth {
    PassiveHealth {
        consecutive_failures: Some(u32::MAX),
        consecutive_gateway_errors: Some(u32::MAX),
        failure_ratio: Some(FailureRatio { ratio: 1.0, min_requests: u32::MAX, window: Duration::from_secs(10) }),
        ..PassiveHealth::default()
    }
}

fn note(bencher: divan::Bencher<'_, '_>, verdict: Verdict) {
    let (rules, now) = (rules(), Instant::now());
    let passive = Passive::new(&rules, 2, now);
    bencher.bench(|| passive.note(divan::black_box(&rules), divan::black_box(verdict), 0, now));
}

#[divan::bench(threads = [1, 2])]
fn success(bencher: divan::Bencher<'_, '_>) {
    note(bencher, Verdict::Success);
}

#[divan::bench(threads = [1, 2])]
fn failure(bencher: divan::Bencher<'_, '_>) {
    note(bencher, Verdict::GatewayError);
}

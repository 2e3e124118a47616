//! What a scrape costs the control plane: the processor time of writing down 10,000 routes of two workers, all of them in use.
//!
//! Processor time rather than that of the wall, because whoever scrapes waits anyway, and others want the processor meanwhile.

use std::{
    hint::black_box,
    time::{Duration, Instant, SystemTime},
};

use http::StatusCode;
use message::Record;
use rustix::time::{ClockId, clock_gettime};
use telemetry::{Format, GatewayMetrics, Protocol, RouteMetrics, Timing, render};

const ROUTES: usize = 10_000;
const WORKERS: usize = 2;
const ROUNDS: usize = 50;

fn main() {
    let gateway = GatewayMetrics::new(WORKERS, "0", SystemTime::now());
    let routes: Vec<_> = (0..ROUTES).map(|number| (format!("route-{number:05}"), RouteMetrics::new(WORKERS))).collect();
    let mut record = Record::new(Instant::now());
    record.status = Some(StatusCode::OK);
    let timing = Timing { total: Duration::from_millis(3), overhead: Some(Duration::from_micros(80)) };
    for worker in 0..WORKERS {
        routes.iter().for_each(|(_, route)| route.observe(worker, &record, &timing, Protocol::Http1));
    }
    for format in [Format::Text, Format::OpenMetrics] {
        let scrape = || {
            let routes = routes.iter().map(|(name, route)| (name.as_str(), route));
            let (sides, upstreams, mirrors) = (std::iter::empty(), std::iter::empty(), std::iter::empty());
            render(format, &gateway, routes, sides, upstreams, mirrors, &[])
        };
        let (mut took, mut size) = (Vec::with_capacity(ROUNDS), (0, 0));
        for _ in 0..ROUNDS {
            let since = processor_time();
            let text = black_box(scrape());
            took.push(processor_time() - since);
            size = (text.lines().count(), text.len());
        }
        took.sort();
        let (fastest, median, (lines, bytes)) = (took[0], took[ROUNDS / 2], size);
        println!(
            "{format:?}: {lines} lines, {bytes} bytes: {fastest:.1?} at best, {median:.1?} in the median of {ROUNDS}"
        );
    }
}

/// Of this thread.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

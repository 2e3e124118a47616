//! What a resync takes.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use testkit::{etcd::Member, faults::FaultProxy};

use super::{Followed, PREFIX, key, members};

const KEYS: usize = 10_000;

/// Of this thread, on which everything of the test runs but the member itself.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Prints what it takes; the bound is 500 ms.
#[tokio::test]
async fn ten_thousand_keys_are_read_again() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let value = r#"{"address": "10.0.0.1:8080", "weight": 2, "zone": "a", "version": "v2", "labels": {"tenant": "x"}}"#;
    let entries: Vec<_> = (0..KEYS).map(|name| (key(format_args!("{name:05}")), value.to_owned())).collect();
    for some in entries.chunks(100) {
        api.put_all(some).await;
    }
    let proxy = FaultProxy::start(etcd.address).await;
    let mut followed = Followed::start(&members(proxy.address));
    followed.becomes(&api.all(PREFIX).await).await;

    let (told, begun) = (followed.seen.borrow().told, processor_time());
    proxy.reset_all();
    followed.until(|seen| seen.told > told).await;
    let took = processor_time() - begun;
    println!("{KEYS} keys were read again in {took:?} of processor time, with the network between");
    assert_eq!(followed.seen.borrow().keys.entries().len(), KEYS);
}

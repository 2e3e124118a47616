//! What the operating system counts of the process. Names as every Prometheus client has them.

use std::{fs, time::Duration};

use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use crate::{Expose, Exposition, names};

/// Read when asked for. Where the system does not tell (no `/proc`), the series are missing.
#[derive(Debug)]
pub(crate) struct Process;

// === impl Process ===

impl Expose for Process {
    fn expose(&self, out: &mut Exposition) {
        out.family(&names::PROCESS_CPU).seconds(&[], cpu_time());
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            if let Some(kibibytes) = field(&status, "VmRSS:") {
                out.family(&names::PROCESS_MEMORY).count(&[], kibibytes * 1024);
            }
            if let Some(threads) = field(&status, "Threads:") {
                out.family(&names::PROCESS_THREADS).count(&[], threads);
            }
        }
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            // Reading the directory takes a descriptor as well.
            out.family(&names::PROCESS_OPEN_FDS).count(&[], (entries.count() as u64).saturating_sub(1));
        }
        if let Some(limit) = getrlimit(Resource::Nofile).current {
            out.family(&names::PROCESS_MAX_FDS).count(&[], limit);
        }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The number behind `name` in `/proc/self/status`.
fn field(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "Name:\tsluice\nVmHWM:\t    9 kB\nVmRSS:\t    5120 kB\nThreads:\t3\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:")), (Some(5120), Some(3)));
        assert_eq!(field(status, "VmSwap:"), None);
    }
}

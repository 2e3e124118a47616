//! A gateway's processes, from start to end, and what the operating system has on its books about them.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;

/// How long a gateway may take to serve; 50,000 routes are many for some.
const START: Duration = Duration::from_secs(60);

/// How long it may take to go.
const STOP: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// This program in another role, or another program through it, on `core`.
pub(crate) fn pinned(core: Option<usize>, command: &[OsString]) -> Result<Command, Failure> {
    let mut pinned = Command::new(std::env::current_exe()?);
    pinned.arg("pinned");
    if let Some(core) = core {
        pinned.arg("--core").arg(core.to_string());
    }
    pinned.arg("--").args(command);
    Ok(pinned)
}

/// A running gateway; stopped when dropped.
pub(crate) struct Gateway {
    child: Child,
    /// Where its output goes.
    log: PathBuf,
}

/// Processor time until now, in nanoseconds, by process and thread.
pub(crate) struct Usage(HashMap<(u32, u32), u64>);

// === impl Gateway ===

impl Gateway {
    /// Starts `command` in `folder` and waits until it serves at `listen` and, when it has one, its `/readyz` says so.
    pub(crate) fn start(
        core: Option<usize>,
        command: &[OsString],
        folder: &Path,
        listen: SocketAddr,
        admin: Option<SocketAddr>,
    ) -> Result<Self, Failure> {
        let log = folder.join("output.log");
        let output = File::create(&log)?;
        let mut pinned = pinned(core, command)?;
        pinned.current_dir(folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut gateway = Self { child: pinned.spawn()?, log };
        let patience = Instant::now() + START;
        while !(admin.is_none_or(is_ready) && TcpStream::connect(listen).is_ok()) {
            if let Some(status) = gateway.child.try_wait()? {
                return Err(format!("it ended with {status} instead of serving: {}", gateway.last_words()).into());
            }
            if Instant::now() > patience {
                return Err(format!("it does not serve after {START:?}: {}", gateway.last_words()).into());
            }
            sleep(LOOK);
        }
        Ok(gateway)
    }

    /// Of all its processes and all their threads.
    pub(crate) fn usage(&self) -> Usage {
        Usage(self.processes().into_iter().flat_map(threads).collect())
    }

    /// Resident bytes of all its processes; what several share is counted once, where the kernel says how much that is.
    pub(crate) fn memory(&self) -> u64 {
        self.processes()
            .into_iter()
            .map(|process| proportional(process).or_else(|| resident(process)).unwrap_or(0))
            .sum()
    }

    /// The process that we started, and everything that it has started.
    fn processes(&self) -> Vec<u32> {
        let parents = parents();
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(&parent) = family.get(next) {
            family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
            next += 1;
        }
        family
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join(" | ");
        if last.is_empty() { "it said nothing".into() } else { last }
    }
}

impl Drop for Gateway {
    /// Asked first, so that a master ends its workers; then ended, these processes and no others.
    fn drop(&mut self) {
        let family = self.processes();
        signal(self.child.id(), Signal::TERM);
        let patience = Instant::now() + STOP;
        while Instant::now() < patience {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            sleep(LOOK);
        }
        for process in family {
            signal(process, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn signal(process: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        // Gone already is as good.
        let _ = kill_process(pid, signal);
    }
}

fn is_ready(admin: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(admin)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status)?;
        Ok::<_, std::io::Error>(status.split(' ').nth(1) == Some("200"))
    };
    ask().unwrap_or(false)
}

// === impl Usage ===

impl Usage {
    /// What was used since `earlier`. A thread that ended in between took its books along; gateways keep theirs.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = |(thread, now): (&(u32, u32), &u64)| now.saturating_sub(earlier.0.get(thread).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(used).sum())
    }
}

// === the books: /proc ===

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let processes = numbers(Path::new("/proc"));
    processes.filter_map(|process| Some((process, stat(&format!("/proc/{process}/stat"), 3)?))).collect()
}

/// The threads of a process with the time that each has run.
fn threads(process: u32) -> Vec<((u32, u32), u64)> {
    let folder = PathBuf::from(format!("/proc/{process}/task"));
    numbers(&folder).map(|thread| ((process, thread), run_time(&folder.join(thread.to_string())))).collect()
}

/// Nanoseconds from the scheduler; where it does not keep them, ticks of a hundredth of a second.
fn run_time(thread: &Path) -> u64 {
    let exact = fs::read_to_string(thread.join("schedstat")).ok();
    let exact = exact.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    exact.filter(|nanos| *nanos > 0).unwrap_or_else(|| {
        let file = thread.join("stat");
        let ticks = |field| stat::<u64>(&file.to_string_lossy(), field).unwrap_or(0);
        (ticks(13) + ticks(14)) * 10_000_000
    })
}

/// Pss: a page that two processes share is half of each.
fn proportional(process: u32) -> Option<u64> {
    kibibytes(&format!("/proc/{process}/smaps_rollup"), "Pss:")
}

fn resident(process: u32) -> Option<u64> {
    kibibytes(&format!("/proc/{process}/status"), "VmRSS:")
}

/// Resident bytes of this very process.
pub(crate) fn own_memory() -> u64 {
    resident(std::process::id()).unwrap_or(0)
}

fn kibibytes(file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The field `index` of a stat file, counted from 0; the name, field 1, may hold spaces and ends with the last `)`.
fn stat<T: std::str::FromStr>(file: &str, index: usize) -> Option<T> {
    let text = fs::read_to_string(file).ok()?;
    let after_name = text.rsplit_once(") ")?.1;
    after_name.split(' ').nth(index.checked_sub(2)?)?.trim().parse().ok()
}

/// The entries of a folder that are numbers.
fn numbers(folder: &Path) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_know_this_process() {
        let own = std::process::id();
        assert!(parents().iter().any(|(process, _)| *process == own));
        assert!(threads(own).iter().any(|((_, thread), _)| *thread == own));
        assert!(resident(own).is_some_and(|bytes| bytes > 1 << 16));
    }

    #[test]
    fn only_what_came_later_is_counted() {
        let earlier = Usage(HashMap::from([((1, 1), 100), ((1, 2), 50)]));
        let later = Usage(HashMap::from([((1, 1), 300), ((1, 3), 7)]));
        assert_eq!(later.since(&earlier), Duration::from_nanos(207));
    }
}

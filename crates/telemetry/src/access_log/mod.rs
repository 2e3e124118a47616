//! A line per exchange, for each log that wants one.
//!
//! ```text
//!   worker                                             thread of a log
//!   ┌──────────────┐   full, or a second old (tick)    ┌────────────────┐
//!   │ WorkerLog    │ ───────────── Batch ────────────▶ │ Writer         │ ──▶ file, stdout, syslog, HTTP
//!   │  a lane each │ ◀──────── empty buffer ────────── │ otlp::Exporter │ ──▶ collector
//!   └──────────────┘                                   └────────────────┘
//! ```
//! Each lane has a fixed number of buffers in circulation. While all of them wait for a slow or dead sink, its lines are dropped
//! and counted. So a sink never delays a request, and memory is bounded by construction.
//!
//! What a line needs is compiled once ([`format`]); whether there is one is decided before anything is written ([`taken`]).

/// The thread of a log, whoever it is.
mod courier;
/// How a line is written.
mod format;
/// The end of a log that belongs to one worker.
mod lane;
/// What there is to say of an exchange.
mod line;
/// What is secret.
mod redact;
/// What a log's threads know of each other.
mod shared;
/// Where lines go.
mod sink;
/// Which exchanges get one.
mod taken;
mod timestamp;
/// The thread that waits for a sink.
mod writer;

use std::{collections::hash_map::RandomState, hash::BuildHasher, io, sync::Arc};

use ::http::HeaderName;
use message::{Random, Record};
use model::LogSink;

pub use line::Line;
pub use redact::{is_secret, without_credentials, without_secrets};
pub use timestamp::rfc3339;

use crate::{Expose, Exposition, names};
use courier::Courier;
use format::Format;
use lane::Lane;
use shared::{Counts, Shared};
use sink::Target;
use taken::Taken;
use timestamp::Timestamp;

/// Buffers of a worker, for a log whose sink is near: one that it fills, the others with the log's thread or on their way.
const BUFFERS: usize = 4;
/// A buffer that holds this many bytes goes to the log's thread; the rest of its room is for the line that makes it full.
const FULL: usize = 112 * 1024;
const ROOM: usize = 128 * 1024;

/// The access logs of a gateway.
#[derive(Debug, Default)]
pub struct AccessLogs(Vec<Arc<AccessLog>>);

/// One of them. Its end, after that of its lanes, waits until everything is written, but not forever.
#[derive(Debug)]
struct AccessLog {
    settings: model::AccessLog,
    /// Of the secrets and certificates that the settings name.
    files: u64,
    format: Arc<Format>,
    taken: Arc<Taken>,
    /// Of each lane.
    buffers: usize,
    courier: Courier,
    shared: Arc<Shared>,
}

/// The end of all logs that belongs to one worker.
#[derive(Debug)]
pub struct WorkerLog {
    lanes: Vec<Lane>,
    timestamp: Timestamp,
    random: Random,
    response_headers: Vec<HeaderName>,
}

// === impl AccessLogs ===

impl AccessLogs {
    /// Opens the logs and starts a thread for each. Those that `previous` has already go on as they are; of those that
    /// only have the same name, the counts do.
    ///
    /// # Errors
    /// A file, secret or certificate cannot be read, or no thread can be started.
    pub fn open(settings: &[model::AccessLog], workers: usize, previous: &Self) -> io::Result<Self> {
        let open = |settings: &model::AccessLog| {
            let named = previous.0.iter().find(|log| log.settings.name == settings.name);
            let files = sink::fingerprint_of_files(&settings.sink);
            if let Some(same) = named.filter(|log| log.settings == *settings && log.files == files) {
                return Ok(same.clone());
            }
            let counts = named.map(|log| log.shared.counts.clone()).unwrap_or_default();
            AccessLog::open(settings, workers, counts).map(Arc::new)
        };
        settings.iter().map(open).collect::<io::Result<_>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The logs as one worker sees them. To be called once for each, with chance of its own.
    pub fn worker(&self, random: Random) -> WorkerLog {
        let mut lanes: Vec<_> = self.0.iter().map(|log| log.lane()).collect();
        for index in 1..lanes.len() {
            lanes[index].like = (0..index).find(|other| lanes[*other].format == lanes[index].format);
        }
        let mut response_headers: Vec<_> =
            self.0.iter().flat_map(|log| log.format.response_headers()).cloned().collect();
        response_headers.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        response_headers.dedup();
        WorkerLog { lanes, timestamp: Timestamp::default(), random, response_headers }
    }

    /// Has files opened anew, after somebody renamed them (logrotate). What was written before goes to the old ones.
    pub fn reopen(&self) {
        self.0.iter().for_each(|log| log.courier.reopen());
    }

    /// Lines that were lost so far, of all logs.
    pub fn dropped(&self) -> u64 {
        self.0.iter().map(|log| log.shared.counts.dropped()).sum()
    }

    /// Lines that were written so far, or handed to a server that took them.
    pub fn written(&self) -> u64 {
        self.0.iter().map(|log| log.shared.counts.written()).sum()
    }
}

impl Drop for AccessLogs {
    fn drop(&mut self) {
        // All at once, before the first is waited for. What another set has too goes on.
        self.0.iter().filter(|log| Arc::strong_count(log) == 1).for_each(|log| log.courier.close());
    }
}

/// The same logs, not others that say the same.
impl PartialEq for AccessLogs {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Expose for AccessLogs {
    fn expose(&self, out: &mut Exposition) {
        if self.is_empty() {
            return;
        }
        for (family, count) in [
            (&names::ACCESS_LOG_LINES, Counts::written as fn(&Counts) -> u64),
            (&names::ACCESS_LOG_DROPPED, Counts::dropped),
        ] {
            let mut samples = out.family(family);
            self.0.iter().for_each(|log| samples.count(&[&*log.shared.name], count(&log.shared.counts)));
        }
    }
}

// === impl AccessLog ===

impl AccessLog {
    fn open(settings: &model::AccessLog, workers: usize, counts: Arc<Counts>) -> io::Result<Self> {
        let random = Random::seeded(RandomState::new().hash_one(&settings.name));
        let failed = |error: io::Error| {
            let sink = sink::told(&settings.sink);
            io::Error::new(error.kind(), format!("cannot write the access log to {sink}: {error}"))
        };
        let target = sink::open(&settings.sink, random).map_err(failed)?;
        Self::start(settings, target, workers, counts)
    }

    fn start(settings: &model::AccessLog, target: Target, workers: usize, counts: Arc<Counts>) -> io::Result<Self> {
        let buffers = buffers(&settings.sink, workers);
        // Room for every buffer there is, and for those of lanes that a reload has just replaced, so that a worker never finds
        // the queue full; and for a few more orders.
        let room = 2 * workers * buffers + 4;
        let shared = Arc::new(Shared::new(settings.name.clone(), counts));
        Ok(Self {
            format: Arc::new(Format::of(settings)),
            taken: Arc::new(Taken::of(&settings.status, settings.sample)),
            files: sink::fingerprint_of_files(&settings.sink),
            settings: settings.clone(),
            buffers,
            courier: Courier::start(target, room, &shared)?,
            shared,
        })
    }

    fn lane(&self) -> Lane {
        let (format, taken, shared) = (self.format.clone(), self.taken.clone(), self.shared.clone());
        Lane::new(format, taken, self.buffers, self.courier.way(), shared)
    }
}

/// How many buffers a lane has. What is far away may be gone for a while.
fn buffers(sink: &LogSink, workers: usize) -> usize {
    let queue = match sink {
        LogSink::Stdout | LogSink::File { .. } => return BUFFERS,
        LogSink::Syslog(_) => model::Batch::default().queue,
        LogSink::Http(http) => http.batch.queue,
        LogSink::Otlp(otlp) => otlp.queue,
    };
    (queue as usize / ROOM / workers).max(BUFFERS)
}

// === impl WorkerLog ===

impl WorkerLog {
    /// Whether any log wants a line of an exchange that ends. To be asked before [`write`](Self::write).
    pub fn wants(&mut self, record: &Record) -> bool {
        let mut wanted = false;
        for lane in &mut self.lanes {
            lane.takes = lane.taken.takes(record, &mut self.random);
            wanted |= lane.takes;
        }
        wanted
    }

    /// Gives the logs that want it a line, or drops and counts it. Neither blocks, nor allocates once buffers have grown to
    /// their size.
    pub fn write(&mut self, line: &Line<'_>) {
        for index in 0..self.lanes.len() {
            let (before, rest) = self.lanes.split_at_mut(index);
            let lane = &mut rest[0];
            if lane.takes {
                let same = lane.like.map(|like| &before[like]).filter(|lane| lane.takes).and_then(Lane::last);
                lane.write(line, same, &mut self.timestamp);
            }
        }
    }

    /// Hands over what there is. To be called about once a second, so that no line is older than that.
    pub fn tick(&mut self) {
        self.lanes.iter_mut().for_each(Lane::tick);
    }

    /// Header fields that must be kept of a response, for its line.
    pub fn response_headers(&self) -> &[HeaderName] {
        &self.response_headers
    }
}

#[cfg(test)]
mod tests;

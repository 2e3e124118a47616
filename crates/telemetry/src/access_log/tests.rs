//! The way of a line: none is lost without being counted, none is cut, nobody waits.

use std::{
    io::{self, Write},
    sync::{
        Mutex,
        mpsc::{Receiver, Sender},
    },
    thread,
    time::Instant,
};

use ::http::{HeaderMap, StatusCode};
use model::LogFormat;

use super::{
    sink::file::{FileSink, Out},
    *,
};
use crate::Timing;

/// Keeps what is written; does what the script says for each write, then whatever is asked of it.
struct Scripted {
    written: Arc<Mutex<Vec<u8>>>,
    script: std::vec::IntoIter<Act>,
}

enum Act {
    Fail(io::ErrorKind),
    /// Takes so many bytes of those it is given.
    Take(usize),
    /// Says that it waits, and does so until it is told to go on.
    Wait(Sender<()>, Receiver<()>),
}

impl Out for Scripted {}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let take = match self.script.next() {
            Some(Act::Fail(kind)) => return Err(kind.into()),
            Some(Act::Take(count)) => count.min(bytes.len()),
            Some(Act::Wait(waiting, go_on)) => {
                waiting.send(()).unwrap();
                go_on.recv().unwrap();
                bytes.len()
            }
            None => bytes.len(),
        };
        self.written.lock().unwrap().extend_from_slice(&bytes[..take]);
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn scripted(script: Vec<Act>) -> (AccessLogs, Arc<Mutex<Vec<u8>>>) {
    let written = Arc::default();
    let sink = FileSink::of(Scripted { written: Arc::clone(&written), script: script.into_iter() });
    let settings = model::AccessLog::to("test", LogSink::Stdout);
    let log = AccessLog::start(&settings, Target::Sink(Box::new(sink)), 1, Arc::default()).unwrap();
    (AccessLogs(vec![Arc::new(log)]), written)
}

fn open(settings: &[model::AccessLog]) -> AccessLogs {
    AccessLogs::open(settings, 1, &AccessLogs::default()).unwrap()
}

fn to_file(name: &str, path: &std::path::Path) -> model::AccessLog {
    model::AccessLog::to(name, LogSink::File { path: path.to_owned(), rotate: None })
}

fn worker(logs: &AccessLogs) -> WorkerLog {
    logs.worker(Random::seeded(1))
}

fn write(log: &mut WorkerLog, path: &str) {
    write_status(log, path, 200);
}

fn write_status(log: &mut WorkerLog, path: &str, status: u16) {
    let mut record = Record::new(Instant::now());
    record.status = StatusCode::from_u16(status).ok();
    let timing = Timing::of(&record, record.started);
    let headers = HeaderMap::new();
    if log.wants(&record) {
        log.write(&Line { path, ..Line::unknown(&record, &timing, [127, 0, 0, 1].into(), &headers) });
    }
}

/// The paths of the whole lines, and whatever else there is as it is.
fn paths(written: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(written).unwrap();
    let path = |line: &str| match serde_json::from_str::<serde_json::Value>(line) {
        Ok(value) => value["path"].as_str().unwrap().to_owned(),
        Err(_) => "torn".to_owned(),
    };
    text.lines().map(path).collect()
}

#[test]
fn the_end_writes_what_is_left() {
    let (log, written) = scripted(vec![]);
    let mut worker = worker(&log);
    write(&mut worker, "/1");
    write(&mut worker, "/2");
    drop(worker);
    drop(log);
    assert_eq!(paths(&written.lock().unwrap()), ["/1", "/2"]);
}

#[test]
fn a_sink_that_takes_nothing_costs_lines_and_no_time() {
    let (waiting, is_waiting) = std::sync::mpsc::channel();
    let (go_on, told) = std::sync::mpsc::channel();
    let (log, written) = scripted(vec![Act::Wait(waiting, told)]);
    let mut worker = worker(&log);
    write(&mut worker, "/first");
    worker.tick();
    is_waiting.recv().unwrap();

    let mut total = 1;
    while log.dropped() < 1_000 {
        write(&mut worker, "/more");
        total += 1;
    }
    let lane = &mut worker.lanes[0];
    assert!(lane.buffer.capacity() <= ROOM, "a worker hoards no lines");

    go_on.send(()).unwrap();
    lane.buffers.give(lane.buffers.wait());
    write(&mut worker, "/last");
    let dropped = log.dropped();
    assert_eq!(dropped, 1_000, "with a buffer back, lines are taken again");
    drop(worker);
    drop(log);
    let paths = paths(&written.lock().unwrap());
    assert_eq!(paths.len() as u64 + dropped, total + 1);
    assert_eq!((paths.first().unwrap().as_str(), paths.last().unwrap().as_str()), ("/first", "/last"));
}

#[test]
fn a_sink_that_fails_is_tried_again_and_tears_no_other_line() {
    let (log, written) = scripted(vec![
        Act::Fail(io::ErrorKind::StorageFull),
        Act::Take(10),
        Act::Fail(io::ErrorKind::StorageFull),
        Act::Fail(io::ErrorKind::StorageFull),
        Act::Fail(io::ErrorKind::Interrupted),
        Act::Fail(io::ErrorKind::WouldBlock),
    ]);
    let mut worker = worker(&log);
    for path in ["/refused", "/torn", "/refused", "/whole"] {
        write(&mut worker, path);
        worker.tick();
        // The buffer comes back when it has been dealt with.
        let lane = &worker.lanes[0];
        let empty = [(); BUFFERS - 1].map(|()| lane.buffers.wait());
        empty.into_iter().for_each(|buffer| lane.buffers.give(buffer));
    }
    assert_eq!(log.dropped(), 3);
    assert_eq!(paths(&written.lock().unwrap()), ["torn", "/whole"]);
}

#[test]
fn a_renamed_file_is_left_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (path, renamed) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let log = open(&[to_file("file", &path)]);
    let mut worker = worker(&log);
    write(&mut worker, "/old");
    worker.tick();
    std::fs::rename(&path, &renamed).unwrap();
    log.reopen();
    write(&mut worker, "/new");
    drop(worker);
    drop(log);
    assert_eq!(paths(&std::fs::read(renamed).unwrap()), ["/old"]);
    assert_eq!(paths(&std::fs::read(path).unwrap()), ["/new"]);
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let settings = to_file("file", &folder.path().join("missing/access.log"));
    let error = AccessLogs::open(&[settings], 1, &AccessLogs::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn lines_of_any_length_are_taken() {
    let (log, written) = scripted(vec![]);
    let mut worker = worker(&log);
    let long = format!("/{}", "x".repeat(3 * ROOM));
    for path in ["/before", &long, "/after"] {
        write(&mut worker, path);
    }
    drop(worker);
    drop(log);
    assert_eq!(paths(&written.lock().unwrap()), ["/before", &long, "/after"]);
}

#[test]
fn what_is_left_when_a_log_ends_is_written_by_whoever_is_last() {
    let (log, written) = scripted(vec![]);
    let mut worker = worker(&log);
    write(&mut worker, "/late");
    let ending = thread::spawn(move || drop(log));
    drop(worker);
    ending.join().unwrap();
    assert_eq!(paths(&written.lock().unwrap()), ["/late"]);
}

#[test]
fn each_log_takes_what_it_wants_and_equal_ones_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let format = LogFormat::Logfmt(vec![model::LogItem::Field(model::values::LogField::Path)]);
    let log = open(&[
        to_file("all", &path("all")),
        model::AccessLog { status: vec![500..=599], ..to_file("errors", &path("errors")) },
        model::AccessLog { sample: 0.0, ..to_file("sampled", &path("sampled")) },
        model::AccessLog { format, ..to_file("short", &path("short")) },
    ]);
    let mut worker = worker(&log);
    assert_eq!(worker.lanes.iter().map(|lane| lane.like).collect::<Vec<_>>(), [None, Some(0), Some(0), None]);
    for (path, status) in [("/1", 200), ("/2", 503), ("/3", 404)] {
        write_status(&mut worker, path, status);
    }
    drop(worker);
    drop(log);
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    assert_eq!(paths(&read("all")), ["/1", "/2", "/3"]);
    for name in ["errors", "sampled"] {
        assert_eq!(paths(&read(name)), ["/2"], "{name}");
        assert!(read("all").windows(read(name).len()).any(|window| window == read(name)), "{name}");
    }
    assert_eq!(String::from_utf8(read("short")).unwrap(), "path=/1\npath=/2\npath=/3\n");
}

#[test]
fn logs_that_stay_the_same_go_on_and_others_keep_their_counts() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| to_file(name, &folder.path().join(name)));
    let first = open(&[one.clone(), two.clone()]);
    let mut before = worker(&first);
    write(&mut before, "/1");
    drop(before);
    let changed = model::AccessLog { sample: 0.5, ..two };
    let second = AccessLogs::open(&[one, changed], 1, &first).unwrap();
    assert!(Arc::ptr_eq(&first.0[0], &second.0[0]) && !Arc::ptr_eq(&first.0[1], &second.0[1]));
    assert_ne!(first, second);
    drop(first);
    assert_eq!(second.0[1].shared.counts.written(), 1);
    let mut after = worker(&second);
    write(&mut after, "/2");
    drop(after);
    drop(second);
    assert_eq!(paths(&std::fs::read(folder.path().join("one")).unwrap()), ["/1", "/2"]);
}

//! The way of a line: none is lost without being counted, none is cut, nobody waits.

use std::{
    io::{self, Write},
    sync::{Mutex, mpsc::Sender},
    time::{Instant, UNIX_EPOCH},
};

use message::Record;

use super::*;
use crate::{Protocol, Timing};

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

impl Sink for Scripted {}

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

fn scripted(script: Vec<Act>) -> (AccessLog, Arc<Mutex<Vec<u8>>>) {
    let written = Arc::default();
    let sink = Scripted { written: Arc::clone(&written), script: script.into_iter() };
    (AccessLog::start(Box::new(sink), 1).unwrap(), written)
}

fn write(log: &mut WorkerLog, path: &str) {
    let record = Record::new(Instant::now());
    let timing = Timing::of(&record, record.started);
    log.write(&Line {
        time: UNIX_EPOCH,
        record: &record,
        timing: &timing,
        protocol: Protocol::Http2,
        client: [127, 0, 0, 1].into(),
        method: "GET",
        host: b"example.com",
        path,
        route: None,
        side: None,
        upstream: None,
        endpoint: None,
        user_agent: None,
        request_id: None,
        trace_id: None,
    });
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
    let mut worker = log.worker();
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
    let mut worker = log.worker();
    write(&mut worker, "/first");
    worker.tick();
    is_waiting.recv().unwrap();

    let mut total = 1;
    while log.dropped() < 1_000 {
        write(&mut worker, "/more");
        total += 1;
    }
    assert!(worker.buffer.capacity() <= ROOM, "a worker hoards no lines");

    go_on.send(()).unwrap();
    let empty = worker.empty.recv().unwrap();
    worker.home.try_send(empty).unwrap();
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
    let mut worker = log.worker();
    for path in ["/refused", "/torn", "/refused", "/whole"] {
        write(&mut worker, path);
        worker.tick();
        // The buffer comes back when it has been dealt with.
        let empty = [(); BUFFERS - 1].map(|()| worker.empty.recv().unwrap());
        empty.into_iter().for_each(|buffer| worker.home.try_send(buffer).unwrap());
    }
    assert_eq!(log.dropped(), 3);
    assert_eq!(paths(&written.lock().unwrap()), ["torn", "/whole"]);
}

#[test]
fn a_renamed_file_is_left_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (path, renamed) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let log = AccessLog::open(Target::File(path.clone()), 1).unwrap();
    let mut worker = log.worker();
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
    let error = AccessLog::open(Target::File(folder.path().join("missing/access.log")), 1).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn lines_of_any_length_are_taken() {
    let (log, written) = scripted(vec![]);
    let mut worker = log.worker();
    let long = format!("/{}", "x".repeat(3 * ROOM));
    for path in ["/before", &long, "/after"] {
        write(&mut worker, path);
    }
    drop(worker);
    drop(log);
    assert_eq!(paths(&written.lock().unwrap()), ["/before", &long, "/after"]);
}

#[test]
fn a_worker_that_outlives_the_log_counts_its_lines_as_lost() {
    let (log, _written) = scripted(vec![]);
    let mut worker = log.worker();
    let dropped = log.dropped.clone();
    write(&mut worker, "/late");
    drop(log);
    drop(worker);
    assert_eq!(dropped.load(Relaxed), 1);
}

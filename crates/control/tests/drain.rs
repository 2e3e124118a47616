//! How a gateway ends whose worker was busy with something else when it was told to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Condvar, Mutex};

use control::{Control, Main, Options};
use message::Token;
use model::Service;
use testkit::{PATIENCE, wire::Wire, within};
use upstream::discovery::{Hear, Registries, Watch};

/// There are no registries here.
struct Nowhere;

impl Registries for Nowhere {
    fn watch(&self, _: &Service, _: Arc<dyn Hear>) -> Watch {
        Box::pin(std::future::pending())
    }
}

/// Where the worker is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    Serves,
    ShallStand,
    Stands,
}

static WORKER: Mutex<Worker> = Mutex::new(Worker::Serves);
static TURNED: Condvar = Condvar::new();

/// What a worker does once a second.
fn stand_if_told() {
    let mut worker = WORKER.lock().unwrap();
    if *worker == Worker::ShallStand {
        *worker = Worker::Stands;
        TURNED.notify_all();
        drop(TURNED.wait_while(worker, |worker| *worker == Worker::Stands).unwrap());
    }
}

/// Sets it, and waits until it is like this.
fn turn(to: Worker, until: Worker) {
    let mut worker = WORKER.lock().unwrap();
    *worker = to;
    TURNED.notify_all();
    let (_worker, waited) = TURNED.wait_timeout_while(worker, PATIENCE, |worker| *worker != until).unwrap();
    assert!(!waited.timed_out());
}

/// A request that lies in the queue of the kernel, on a connection that no worker has seen, is answered.
#[tokio::test]
async fn who_came_before_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("sluice.yaml");
    let text = "version: 1\ngateway: { workers: 1, grace: 1h }\nlisteners: [{ name: web, address: \"127.0.0.1:0\" }]\n\
                routes: [{ name: all, respond: { body: served } }]\n";
    std::fs::write(&document, text).unwrap();
    let (control, _) = Control::start(Options {
        main: Main::File(document),
        kinds: Box::new(policy::Registry::new(policies::kinds())),
        further: Vec::new(),
        version: "0",
        registries: Box::new(|_| Arc::new(Nowhere)),
        state: None,
        home: Box::new(|_, _, _| Err(std::io::Error::other("nobody keeps anything elsewhere"))),
        worker_begins: || (),
        housekeeping: stand_if_told,
        token: Box::new(|| Ok(Token::new("secret").unwrap())),
        exposed: Vec::new(),
    })
    .unwrap();
    let (_, address) = control.listeners().first().cloned().unwrap();

    turn(Worker::ShallStand, Worker::Stands);
    let mut wire = Wire::connect(address.to_string().parse().unwrap()).await;
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let control = Arc::new(control);
    let drained = tokio::task::spawn_blocking({
        let control = control.clone();
        move || control.drain()
    });
    testkit::eventually("it drains", async || control.is_draining().then_some(())).await;
    turn(Worker::Serves, Worker::Serves);
    let response = wire.response().await.unwrap();
    assert_eq!((response.status, &*response.body), (200, b"served".as_slice()));
    within(PATIENCE, drained).await.unwrap();
}

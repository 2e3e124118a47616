//! What the path costs without an endpoint: requests that the gateway answers itself, over one kept connection.
//!
//! A round trip over loopback is mostly the kernel's; the differences between the rows are the gateway's. The first row
//! is the floor. For instructions instead of time, run it under callgrind.

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin has nothing to say")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Arc, LazyLock},
    time::SystemTime,
};

use model::Report;
use policy::Registry;
use proxy::{Gateway, Sockets, Start};
use snapshot::Address;
use telemetry::GatewayMetrics;

fn main() {
    divan::main();
}

const DOCUMENT: &str = "
version: 1
listeners:
  - { name: web, address: 127.0.0.1:0 }
routes:
  - name: ping
    match: { path: /ping }
    respond: { status: 200, body: pong }
  - name: template
    match: { hosts: [api.test], path: '/users/{id}/orders/{order}', methods: [GET] }
    respond: { status: 200, body: pong }
  - name: move
    match: { path: '/old/{rest...}' }
    redirect: { to: '/new/{rest}', status: 308 }
";

static GATEWAY: LazyLock<(Gateway, Address)> = LazyLock::new(|| {
    let mut report = Report::default();
    let root = model::parse("bench", DOCUMENT, &|_| None, &mut report).expect("a document");
    let model = model::check(&root, &mut report).expect("a good document");
    let snapshot = snapshot::compile(&model, &Registry::new(Vec::new()), 1, None, &mut report).expect("a snapshot");
    let sockets = Sockets::bind(&snapshot.listeners[0].address, 1, None).expect("a free port");
    let (address, binding) = (sockets.address().clone(), snapshot.listeners[0].binding.clone());
    let metrics = Arc::new(GatewayMetrics::new(1, "bench", SystemTime::now()));
    let start = Start {
        token: None,
        snapshot: Arc::new(snapshot),
        workers: 1,
        metrics,
        log: None,
        flight: None,
        traces: None,
        worker_begins: || {},
        housekeeping: || {},
    };
    let gateway = Gateway::start(start).expect("a thread");
    gateway.listen(&binding, sockets);
    (gateway, address)
});

#[divan::bench(args = [
    "GET /ping HTTP/1.1\r\nhost: a.test\r\n\r\n",
    "GET /users/7/orders/8 HTTP/1.1\r\nhost: api.test\r\nuser-agent: bench\r\naccept: */*\r\n\r\n",
    "GET /old/a/b?c=d HTTP/1.1\r\nhost: a.test\r\n\r\n",
    "GET /%7euser/../x HTTP/1.1\r\nhost: a.test\r\n\r\n",
])]
fn round_trip(bencher: divan::Bencher<'_, '_>, request: &str) {
    let Address::Tcp(address) = &GATEWAY.1 else { return };
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let mut answer = vec![0; 4096];
    bencher.bench_local(|| {
        stream.write_all(request.as_bytes()).expect("the gateway reads");
        // Answers are short and come in one piece.
        stream.read(&mut answer).expect("the gateway answers")
    });
}

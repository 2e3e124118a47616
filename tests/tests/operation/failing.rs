//! Endpoints of which each fails in its own way.

use std::{
    any::Any,
    fmt::{Display, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use message::Cause;
use rustls::ServerConfig;
use testkit::{
    body,
    certs::Authority,
    origin::{Origin, RawOrigin, Settings},
    tls,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Upstreams and the routes to them: `/<name>` leads to the upstream of that name.
#[derive(Default)]
pub(crate) struct Failing {
    ways: Vec<(&'static str, Cause)>,
    upstreams: String,
    routes: String,
    /// What must live as long as somebody asks.
    alive: Vec<Box<dyn Any>>,
}

/// An address where nobody listens and nobody else can.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// An address that answers nothing, like a machine that is gone: its queue is full.
async fn blackhole() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    let (socket, address) = nobody();
    let listener = socket.listen(1).unwrap();
    let mut queued = Vec::new();
    // However many the kernel lets in: the next one gets no answer.
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queued.push(connected.unwrap());
    }
    (listener, queued, address)
}

async fn secure(config: Arc<ServerConfig>) -> Origin {
    let settings = Settings { tls: Some(config), ..Settings::default() };
    Origin::with(settings, async |_| http::Response::new(body::full("never seen"))).await
}

// === impl Failing ===

impl Failing {
    /// Every way in which there is no head of a response.
    pub(crate) async fn before_the_head() -> Self {
        let mut all = Self::default();
        all.not_connecting().await;
        all.not_shaking_hands().await;
        all.not_answering_well().await;
        all.not_answering_in_time().await;
        all.not_asked();
        all
    }

    /// Names with the causes that they should have.
    pub(crate) fn ways(&self) -> impl Iterator<Item = (&'static str, Cause)> {
        self.ways.iter().copied()
    }

    pub(crate) fn document(&self) -> String {
        format!(
            "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }}, access_log: {{ path: stdout }} }}\n\
             listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n\
             upstreams:\n{}routes:\n{}",
            self.upstreams, self.routes
        )
    }

    async fn not_connecting(&mut self) {
        let (socket, address) = nobody();
        self.add("refused", address, "", Cause::ConnectRefused);
        self.add("absent", "unix:/no/such/socket", "", Cause::ConnectRefused);
        self.add("unreachable", "255.255.255.255:9", "", Cause::ConnectFailed);
        self.add("unknown", "no-such-host.invalid:80", "timeouts: { connect: 15s }", Cause::DnsFailed);
        let (listener, queued, address) = blackhole().await;
        self.add("blackhole", address, "timeouts: { connect: 200ms }", Cause::ConnectTimeout);
        self.alive.push(Box::new((socket, listener, queued)));
    }

    async fn not_shaking_hands(&mut self) {
        let (ours, others) = (Authority::new(), Authority::new());
        let tls = format!("tls: {{ server_name: origin.test, ca: {} }}", ours.ca().display());
        let trusting = format!("timeouts: {{ connect: 10s }}, {tls}");
        let misnamed = secure(tls::server(&ours.server("misnamed", &["other.test"]), &[], None)).await;
        let untrusted = secure(tls::server(&others.server("origin", &["origin.test"]), &[], None)).await;
        let old = secure(tls::server(&ours.server("origin", &["origin.test"]), &["http/1.1"], None)).await;
        let plain = RawOrigin::answering("HTTP/1.1 400 what\r\n\r\n").await;
        let mute = RawOrigin::start(|conn| conn.hang()).await;
        self.add("misnamed", misnamed.address, &trusting, Cause::TlsCertificate);
        self.add("untrusted", untrusted.address, &trusting, Cause::TlsCertificate);
        self.add("without-h2", old.address, &format!("protocol: h2, {trusting}"), Cause::TlsFailed);
        self.add("plain", plain.address, &trusting, Cause::TlsFailed);
        self.add("mute", mute.address, &format!("timeouts: {{ connect: 200ms }}, {tls}"), Cause::ConnectTimeout);
        self.alive.push(Box::new((ours, others, misnamed, untrusted, old, plain, mute)));
    }

    async fn not_answering_well(&mut self) {
        let reset = RawOrigin::start(async |mut conn| {
            let _ = conn.request().await;
            conn.reset();
        });
        self.raw("reset", reset.await, "", Cause::UpstreamReset);
        let closed = RawOrigin::start(async |mut conn| drop(conn.request().await));
        self.raw("closed", closed.await, "", Cause::UpstreamReset);
        let bloated = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(1 << 20));
        for (name, answer, cause) in [
            ("garbage", "HTTX nonsense\r\n\r\n", Cause::ResponseMalformed),
            ("control", "HTTP/1.1 200 OK\r\nx: a\x01b\r\ncontent-length: 0\r\n\r\n", Cause::ResponseMalformed),
            (
                "two-lengths",
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
                Cause::ResponseMalformed,
            ),
            ("bloated", &bloated, Cause::ResponseMalformed),
            (
                "switching",
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
                Cause::UpgradeFailed,
            ),
        ] {
            self.raw(name, RawOrigin::answering(answer).await, "", cause);
        }
    }

    async fn not_answering_in_time(&mut self) {
        let slow = RawOrigin::start(|conn| conn.hang()).await;
        self.raw("slow", slow, "timeouts: { first_byte: 200ms }", Cause::ResponseTimeout);
        let late = RawOrigin::start(|conn| conn.hang()).await;
        self.raw("late", late, "timeouts: { first_byte: 10s, total: 200ms }", Cause::TotalTimeout);
    }

    fn not_asked(&mut self) {
        // tidy-allow fixed-port: nobody is asked there
        self.upstreams.push_str("  - { name: weightless, endpoints: [{ address: \"127.0.0.1:9\", weight: 0 }] }\n");
        self.route("weightless", "{ prefix: /weightless }", "upstream: weightless", Cause::NoEndpoint);
        // What the path captures, `%25`, becomes `%252e`, which would be decoded twice.
        let action = "upstream: weightless, rewrite: { path: \"/{id}2e\" }";
        self.route("rewritten", "\"/rewritten/{id}\"", action, Cause::RewriteFailed);
        self.route("unnamed", "\"/unnamed/{id}\"", "upstream: \"weightless{id}\"", Cause::UnknownUpstream);
        let fault = "upstream: weightless, policies: [{ fault: { abort: {} } }]";
        self.route("faulty", "{ prefix: /faulty }", fault, Cause::FaultInjected);
        let versions = |from: &str, more: &str| {
            format!("versions: {{ from: [{{ {from} }}], known: [{{ name: \"1\", upstream: weightless{more} }}] }}")
        };
        self.route("versionless", "\"/versionless/{id}\"", &versions("query: v", ""), Cause::VersionRequired);
        self.route("misversioned", "\"/misversioned/{id}\"", &versions("path: id", ""), Cause::UnknownVersion);
        let expired = versions("query: v", ", sunset: 2020-01-01").replace("known:", "default: \"1\", known:");
        self.route("expired", "\"/expired/{id}\"", &expired, Cause::VersionExpired);
    }

    fn raw(&mut self, name: &'static str, origin: RawOrigin, settings: &str, cause: Cause) {
        self.add(name, origin.address, settings, cause);
        self.alive.push(Box::new(origin));
    }

    fn add(&mut self, name: &'static str, address: impl Display, settings: &str, cause: Cause) {
        let settings = if settings.is_empty() { String::new() } else { format!(", {settings}") };
        let _ = writeln!(self.upstreams, "  - {{ name: {name}, endpoints: [\"{address}\"]{settings} }}");
        self.route(name, &format!("{{ prefix: /{name} }}"), &format!("upstream: {name}"), cause);
    }

    fn route(&mut self, name: &'static str, path: &str, action: &str, cause: Cause) {
        let _ = writeln!(self.routes, "  - {{ name: {name}, match: {{ path: {path} }}, {action} }}");
        self.ways.push((name, cause));
    }
}

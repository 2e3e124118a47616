//! A gateway for one test in a line or two, and the questions that many tests ask.

use std::{
    fmt::{self, Display},
    net::SocketAddr,
    ops::Deref,
};

use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use testkit::{
    body::{self, Body},
    certs::Identity,
    client::{Answer, Client, request},
    gateway::Process,
    origin::Origin,
    wire::Wire,
};
use tokio::net::TcpSocket;

/// A gateway with one listener, `web`.
pub(crate) struct Gateway(Process);

/// A document in which one listener sends everything to one upstream, and what is added to its parts: fields of a YAML
/// map such as `"proxy_protocol: true"`.
pub(crate) struct Forward {
    endpoints: Vec<String>,
    address: String,
    gateway: Vec<String>,
    listener: Vec<String>,
    upstream: Vec<String>,
    route: Vec<String>,
}

/// One listener and these routes, each a YAML map: `"{ name: a, respond: {} }"`.
pub(crate) fn responding(routes: &[&str]) -> String {
    let routes: String = routes.iter().map(|route| format!("  - {route}\n")).collect();
    format!("listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\nroutes:\n{routes}")
}

/// An address at which connections are refused for as long as the socket is held: it is bound, but nobody listens.
pub(crate) fn nowhere() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// An answer that says that the origin failed.
pub(crate) const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 6\r\n\r\nbroken";

/// Says what it got: method and body.
pub(crate) async fn echo() -> Origin {
    Origin::start(async |request| {
        let method = request.method().clone();
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Response::new(body::full(format!("{method} {}", body.escape_ascii())))
    })
    .await
}

/// The `tls` of a listener, to be closed with `}` after what is added.
pub(crate) fn certificates(identities: &[&Identity]) -> String {
    let each = |identity: &&Identity| {
        format!("{{ cert: \"{}\", key: \"{}\" }}", identity.cert.display(), identity.key.display())
    };
    let list = identities.iter().map(each).collect::<Vec<_>>().join(", ");
    format!("tls: {{ certificates: [{list}]")
}

/// A request without a body and with these fields.
pub(crate) fn with_fields(method: Method, target: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = request(method, target);
    for (name, value) in fields {
        let (name, value) = (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        request.headers_mut().append(name, value);
    }
    request
}

/// Every value of a field, as text.
pub(crate) fn all<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

/// That the gateway itself made this response, for this reason.
#[track_caller]
pub(crate) fn assert_reply(answer: &Answer, status: u16, cause: &str) {
    let told = (answer.status.as_u16(), answer.field("content-type"));
    assert_eq!(told, (status, Some("application/problem+json")), "{cause}: {}", answer.body.escape_ascii());
    let problem = answer.json();
    assert_eq!((&problem["cause"], &problem["status"]), (&cause.into(), &status.into()), "{problem}");
    let proxy_status = answer.field("proxy-status").expect("a proxy-status");
    assert!(proxy_status.contains(&format!("details=\"{cause}\"")), "{proxy_status}");
    assert_eq!(problem["request_id"].as_str(), answer.field("x-request-id"), "{problem}");
}

// === impl Gateway ===

impl Gateway {
    /// Runs a whole document.
    pub(crate) async fn start(document: &str) -> Self {
        Self(Process::start(document).await)
    }

    /// Where its listener is.
    pub(crate) fn web(&self) -> SocketAddr {
        self.0.address("web")
    }

    pub(crate) async fn wire(&self) -> Wire {
        Wire::connect(self.web()).await
    }

    pub(crate) async fn http1(&self) -> Client {
        Client::http1(self.web()).await
    }

    pub(crate) async fn h2c(&self) -> Client {
        Client::h2c(self.web()).await
    }

    /// That so many exchanges are over, none of them for a cause.
    pub(crate) async fn ended_well(&self, count: f64) {
        let caused = self.metrics_until("all exchanges are over", |metrics| {
            let over = metrics.value("sluice_requests_total", &[]) == Some(count);
            let caused =
                metrics.0.iter().filter(|(name, value)| name.starts_with("sluice_requests_caused") && **value > 0.0);
            over.then(|| caused.map(|(name, _)| name.clone()).collect::<Vec<_>>())
        });
        assert_eq!(caused.await, Vec::<String>::new());
    }

    /// A client for each version, with its name for messages.
    pub(crate) async fn both(&self) -> [(&'static str, Client); 2] {
        [("HTTP/1.1", self.http1().await), ("HTTP/2", self.h2c().await)]
    }
}

impl Deref for Gateway {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

// === impl Forward ===

impl Forward {
    /// To this endpoint: an address, or `unix:` and a path.
    pub(crate) fn to(endpoint: impl Display) -> Self {
        Self {
            endpoints: vec![format!("\"{endpoint}\"")],
            address: "127.0.0.1:0".into(),
            // One worker, so that tests can tell how many connections an endpoint gets.
            gateway: vec!["workers: 1".into(), "admin: { address: \"127.0.0.1:0\" }".into()],
            listener: Vec::new(),
            upstream: Vec::new(),
            route: Vec::new(),
        }
    }

    /// And to this one.
    pub(crate) fn and(mut self, endpoint: impl Display) -> Self {
        self.endpoints.push(format!("\"{endpoint}\""));
        self
    }

    /// The address of the listener, if it is not some port of 127.0.0.1.
    pub(crate) fn at(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Adds to the `gateway` part.
    pub(crate) fn gateway(mut self, fields: impl Into<String>) -> Self {
        self.gateway.push(fields.into());
        self
    }

    /// Adds to the listener.
    pub(crate) fn listener(mut self, fields: impl Into<String>) -> Self {
        self.listener.push(fields.into());
        self
    }

    /// Adds to the upstream.
    pub(crate) fn upstream(mut self, fields: impl Into<String>) -> Self {
        self.upstream.push(fields.into());
        self
    }

    /// Adds to the route.
    pub(crate) fn route(mut self, fields: impl Into<String>) -> Self {
        self.route.push(fields.into());
        self
    }

    pub(crate) async fn start(&self) -> Gateway {
        Gateway::start(&self.to_string()).await
    }
}

impl Display for Forward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |fields: &[String]| fields.iter().map(|fields| format!(", {fields}")).collect::<String>();
        writeln!(formatter, "gateway: {{ {} }}", self.gateway.join(", "))?;
        writeln!(formatter, "listeners:\n  - {{ name: web, address: \"{}\"{} }}", self.address, part(&self.listener))?;
        let (endpoints, mut upstream) = (self.endpoints.join(", "), part(&self.upstream));
        // Origins shake hands on the thread of the test, which a busy machine may let wait for longer than the usual second.
        if !upstream.contains("timeouts:") {
            upstream += ", timeouts: { connect: 10s }";
        }
        writeln!(formatter, "upstreams:\n  - {{ name: origin, endpoints: [{endpoints}]{upstream} }}")?;
        writeln!(formatter, "routes:\n  - {{ name: all, upstream: origin{} }}", part(&self.route))
    }
}

//! Who is at the other end of a client connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::HeaderValue;

/// A client connection, as far as its exchanges need to know it. Made once per connection.
#[derive(Debug)]
pub struct Peer {
    /// Where the connection comes from; after a PROXY protocol header, what that says. Unix sockets count as loopback.
    pub address: SocketAddr,
    /// Where it arrived.
    pub local: SocketAddr,
    /// Whether its `Forwarded` and `X-Forwarded-*` are believed.
    pub trusted: bool,
    pub tls: Option<Tls>,
    /// `address` as text, for `X-Forwarded-For`.
    pub address_text: HeaderValue,
}

/// What the TLS handshake settled.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// The name that the client asked for (SNI), in lower case.
    pub server_name: Option<Box<str>>,
    /// The subject of the client's certificate, where one was asked for and is valid.
    pub client_subject: Option<Box<str>>,
}

// === impl Peer ===

impl Peer {
    pub fn new(address: SocketAddr, local: SocketAddr, trusted: bool, tls: Option<Tls>) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let text = address.ip().to_string();
        let address_text = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("unknown"));
        Self { address, local, trusted, tls, address_text }
    }

    /// The address that stands for a unix socket's other end.
    pub const fn unix() -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
    }

    /// The name that the client asked for in the TLS handshake.
    pub fn sni(&self) -> Option<&str> {
        self.tls.as_ref().and_then(|tls| tls.server_name.as_deref())
    }

    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The same as a header value.
    pub fn scheme_value(&self) -> HeaderValue {
        if self.tls.is_some() {
            const { HeaderValue::from_static("https") }
        } else {
            const { HeaderValue::from_static("http") }
        }
    }
}

//! What is measured.

use crate::load::Protocol;

/// One kind of traffic against one kind of document.
#[derive(Debug)]
pub(crate) struct Case {
    pub name: &'static str,
    pub what: &'static str,
    /// What clients speak. The upstream speaks HTTP/1.1; for gRPC HTTP/2 in clear text.
    pub protocol: Protocol,
    /// Routes of the document; requests hit all of them in turn.
    pub routes: u32,
    /// The last segment of the path: which body the origin sends.
    pub tail: &'static str,
    pub connections: usize,
    /// Requests at a time on each connection.
    pub streams: usize,
    pub access_log: bool,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As fast as it goes; what counts is processor time per request.
    Closed,
    /// Connections that do nothing after one request; what counts is memory.
    Idle,
    /// Half of what the gateway can do at most, at a constant rate; what counts is the latency that it adds.
    HalfLoad,
}

/// What most cases are variations of: the document of a mid-sized company and a small answer.
pub(crate) const SMALL: Case = Case {
    name: "small",
    what: "150 bytes of JSON, 64 connections kept alive, 1,000 routes",
    protocol: Protocol::Http1,
    routes: 1_000,
    tail: "json",
    connections: 64,
    streams: 1,
    access_log: false,
    kind: Kind::Closed,
};

pub(crate) const CASES: &[Case] = &[
    SMALL,
    Case { name: "tls", what: "the same through TLS 1.3", protocol: Protocol::Tls, ..SMALL },
    Case { name: "routes-1", what: "the same with 1 route", routes: 1, ..SMALL },
    Case { name: "routes-50000", what: "the same with 50,000 routes", routes: 50_000, ..SMALL },
    Case { name: "access-log", what: "the same with access logs on", access_log: true, ..SMALL },
    Case { name: "body-64k", what: "64 KiB, 64 connections, 1,000 routes", tail: "64k", ..SMALL },
    Case { name: "body-1m", what: "1 MiB, 16 connections, 1,000 routes", tail: "1m", connections: 16, ..SMALL },
    Case {
        name: "h2",
        what: "150 bytes over HTTP/2 in clear text, 4 connections of 16 streams, 1,000 routes; HTTP/1.1 upstream",
        protocol: Protocol::H2c,
        connections: 4,
        streams: 16,
        ..SMALL
    },
    Case {
        name: "grpc",
        what: "a unary call of 16 bytes, 4 connections of 16 streams, 1,000 routes; HTTP/2 upstream",
        protocol: Protocol::Grpc,
        tail: "Echo",
        connections: 4,
        streams: 16,
        ..SMALL
    },
    Case { name: "idle", what: "connections that stay open after one request", kind: Kind::Idle, ..SMALL },
    Case {
        name: "half-load",
        what: "half of the peer's own maximum, at a constant rate",
        kind: Kind::HalfLoad,
        ..SMALL
    },
];

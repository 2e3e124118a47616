//! Where clients connect.

use std::collections::HashMap;

use super::{figures::Figures, policies};
use crate::{
    Address, CertificateFiles, ClientAuth, Gateway, Http2Limits, Limits, Listener, ListenerTls, Node, Place, Report,
    decode::decode,
    document::{self, BodyLimit, ClientAuthMode, TlsVersion},
    values::{ListenAddress, Name, Size},
};

/// One result for each node.
pub(super) fn check(nodes: &[Node], gateway: Option<&Gateway>, report: &mut Report) -> Vec<Option<Listener>> {
    let listeners: Vec<Option<Listener>> = nodes.iter().map(|node| listener(node, report)).collect();
    let admin = gateway.and_then(|gateway| gateway.admin.as_ref());
    let mut taken: HashMap<&Address, &Place> = HashMap::new();
    for (node, listener) in nodes.iter().zip(&listeners) {
        let Some(listener) = listener else { continue };
        let place = &node.near("address").place;
        let address = &listener.address;
        if matches!(address, Address::Tcp(address) if address.port() == 0) {
            // Any free port: each gets another one.
            continue;
        }
        if admin == Some(address) {
            let hint = "give the listener another port";
            report.error_with_hint(place, format!("`{address}` is the address of `gateway.admin`"), hint);
        } else if let Some(first) = taken.get(address) {
            let message = format!("two listeners have the address `{address}`, the first at {first}");
            report.error_with_hint(place, message, "one listener serves any number of hosts");
        } else {
            taken.insert(address, place);
        }
    }
    listeners
}

fn listener(node: &Node, report: &mut Report) -> Option<Listener> {
    let written = decode::<document::Listener>(node, report);
    let policies = policies::check(node, report);
    let document::Listener { name: Name(name), address: ListenAddress(address), tls, proxy_protocol, limits, .. } =
        written?;
    let tls = match tls {
        Some(tls) => Some(self::tls(node.near("tls"), tls, report)?),
        None => None,
    };
    let limits = self::limits(node.get("limits"), limits, report);
    Some(Listener { name, place: node.place.clone(), address, tls, proxy_protocol, limits, policies })
}

fn tls(node: &Node, written: document::ListenerTls, report: &mut Report) -> Option<ListenerTls> {
    let document::ListenerTls { certificates, client_auth, min_version } = written;
    if certificates.is_empty() {
        report.error(&node.near("certificates").place, "expected at least one certificate, found an empty list");
    }
    let client_auth = match client_auth {
        None | Some(document::ClientAuth { mode: ClientAuthMode::None, .. }) => ClientAuth::None,
        Some(document::ClientAuth { mode: ClientAuthMode::Request, ca: Some(ca) }) => ClientAuth::Request { ca },
        Some(document::ClientAuth { mode: ClientAuthMode::Require, ca: Some(ca) }) => ClientAuth::Require { ca },
        Some(document::ClientAuth { ca: None, .. }) => {
            let hint = "name the file with the roots that clients' certificates lead to";
            report.error_with_hint(&node.near("client_auth").place, "missing key `ca`", hint);
            return None;
        }
    };
    let certificates = certificates.into_iter().map(certificate).collect();
    Some(ListenerTls { certificates, client_auth, allow_tls12: min_version == TlsVersion::Tls12 })
}

pub(super) fn certificate(document::Certificate { cert, key }: document::Certificate) -> CertificateFiles {
    CertificateFiles { cert, key }
}

fn limits(node: Option<&Node>, written: document::Limits, report: &mut Report) -> Limits {
    let default = Limits::default();
    let bytes = |size: Option<Size>| size.map(Size::bytes);
    let http2 = http2(node.and_then(|node| node.get("http2")), &written.http2, report);
    let mut figures = Figures { map: node, report };
    Limits {
        header_bytes: figures.number(
            "header_bytes",
            bytes(written.header_bytes),
            default.header_bytes,
            1024..=16 << 20,
        ),
        // The most that a header map can hold with room to spare.
        header_count: figures.number(
            "header_count",
            written.header_count.map(u64::from),
            default.header_count,
            1..=16_384,
        ),
        // The most that the `http` crate can hold.
        uri_bytes: figures.number("uri_bytes", bytes(written.uri_bytes), default.uri_bytes, 16..=65_534),
        body_bytes: match written.body_bytes {
            None => default.body_bytes,
            Some(BodyLimit::Off) => None,
            Some(BodyLimit::Size(Size(bytes))) => Some(bytes),
        },
        header_timeout: figures.time("header_timeout", written.header_timeout, default.header_timeout),
        idle_timeout: figures.time("idle_timeout", written.idle_timeout, default.idle_timeout),
        stall_timeout: figures.time("stall_timeout", written.stall_timeout, default.stall_timeout),
        handshake_timeout: figures.time("handshake_timeout", written.handshake_timeout, default.handshake_timeout),
        connections: figures.number(
            "connections",
            written.connections.map(u64::from),
            default.connections,
            1..=u32::MAX,
        ),
        http2,
    }
}

/// Bounds from RFC 9113, 6.5.2.
fn http2(node: Option<&Node>, written: &document::Http2Limits, report: &mut Report) -> Http2Limits {
    const WINDOW: u32 = (1 << 31) - 1;
    let default = Http2Limits::default();
    let bytes = |size: Option<Size>| size.map(Size::bytes);
    let mut figures = Figures { map: node, report };
    let mut count =
        |key, given: Option<u32>, default, least| figures.number(key, given.map(u64::from), default, least..=WINDOW);
    let concurrent_streams = count("concurrent_streams", written.concurrent_streams, default.concurrent_streams, 1);
    let pending_resets = count("pending_resets", written.pending_resets, default.pending_resets, 0);
    let local_resets = count("local_resets", written.local_resets, default.local_resets, 0);
    Http2Limits {
        concurrent_streams,
        pending_resets,
        local_resets,
        stream_window: figures.number(
            "stream_window",
            bytes(written.stream_window),
            default.stream_window,
            1024..=WINDOW,
        ),
        connection_window: figures.number(
            "connection_window",
            bytes(written.connection_window),
            default.connection_window,
            // It begins at this size, and no setting makes it smaller (RFC 9113, 6.9.2).
            65_535..=WINDOW,
        ),
        frame_bytes: figures.number(
            "frame_bytes",
            bytes(written.frame_bytes),
            default.frame_bytes,
            16_384..=16_777_215,
        ),
    }
}

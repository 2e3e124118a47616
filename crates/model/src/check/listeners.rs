//! Where clients connect.

use std::collections::HashMap;

use super::policies;
use crate::{
    Address, CertificateFiles, ClientAuth, Gateway, Http2Limits, Limits, Listener, ListenerTls, Node, Place, Report,
    decode::decode,
    document::{self, BodyLimit, ClientAuthMode, TlsVersion},
    values::{Bytes, Count, ListenAddress, Name, Size},
};

/// One result for each node.
pub(super) fn check(nodes: &[Node], gateway: Option<&Gateway>, report: &mut Report) -> Vec<Option<Listener>> {
    let listeners: Vec<Option<Listener>> = nodes.iter().map(|node| listener(node, report)).collect();
    let admin = gateway.and_then(|gateway| gateway.admin.as_ref());
    let registry = gateway.and_then(|gateway| gateway.registries.registry.as_ref()).map(|registry| &registry.address);
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
        } else if registry == Some(address) {
            let hint = "give the listener another port";
            report.error_with_hint(place, format!("`{address}` is the address of `gateway.registry`"), hint);
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
    Some(Listener {
        name,
        place: node.place.clone(),
        address,
        tls,
        proxy_protocol,
        limits: self::limits(&limits),
        policies,
    })
}

fn tls(node: &Node, written: document::ListenerTls, report: &mut Report) -> Option<ListenerTls> {
    let document::ListenerTls { certificates, client_auth, min_version } = written;
    if certificates.is_empty() {
        report.error(&node.near("certificates").place, "expected at least one certificate, found an empty list");
    }
    if let Some(document::ClientAuth { mode: ClientAuthMode::None, ca: Some(_) }) = &client_auth {
        let place = &node.near("client_auth").near("ca").place;
        report.warning_with_hint(place, "`ca` means nothing with `mode: none`", "leave it out, or use another mode");
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

fn limits(written: &document::Limits) -> Limits {
    let document::Limits { header_bytes, header_count, uri_bytes, body_bytes, connections, ref http2, .. } = *written;
    let default = Limits::default();
    Limits {
        header_bytes: header_bytes.map_or(default.header_bytes, |Bytes(bytes)| bytes),
        header_count: header_count.map_or(default.header_count, |Count(count)| count),
        uri_bytes: uri_bytes.map_or(default.uri_bytes, |Bytes(bytes)| bytes),
        body_bytes: match body_bytes {
            None => default.body_bytes,
            Some(BodyLimit::Off) => None,
            Some(BodyLimit::Size(Size(bytes))) => Some(bytes),
        },
        header_timeout: written.header_timeout.map_or(default.header_timeout, Into::into),
        idle_timeout: written.idle_timeout.map_or(default.idle_timeout, Into::into),
        stall_timeout: written.stall_timeout.map_or(default.stall_timeout, Into::into),
        handshake_timeout: written.handshake_timeout.map_or(default.handshake_timeout, Into::into),
        connections: connections.map_or(default.connections, |Count(count)| count),
        http2: self::http2(http2),
    }
}

fn http2(written: &document::Http2Limits) -> Http2Limits {
    let default = Http2Limits::default();
    Http2Limits {
        concurrent_streams: written.concurrent_streams.map_or(default.concurrent_streams, |Count(count)| count),
        pending_resets: written.pending_resets.map_or(default.pending_resets, |Count(count)| count),
        local_resets: written.local_resets.map_or(default.local_resets, |Count(count)| count),
        stream_window: written.stream_window.map_or(default.stream_window, |Bytes(bytes)| bytes),
        connection_window: written.connection_window.map_or(default.connection_window, |Bytes(bytes)| bytes),
        frame_bytes: written.frame_bytes.map_or(default.frame_bytes, |Bytes(bytes)| bytes),
    }
}

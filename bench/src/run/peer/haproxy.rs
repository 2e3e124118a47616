//! HAProxy: one thread, a map from path prefixes to backends, connections shared among clients.

use std::{ffi::OsString, fmt::Write as _};

use super::Ground;
use crate::{Failure, load::Protocol, run::route_names};

pub(super) fn prepare(ground: &Ground) -> Result<Vec<OsString>, Failure> {
    let mut map = String::new();
    for prefix in route_names(ground.case) {
        let _ = writeln!(map, "{prefix}/ origin");
    }
    ground.write("routes.map", &map)?;
    let file = ground.write("haproxy.cfg", &configuration(ground))?;
    Ok(vec!["-db".into(), "-f".into(), file.into()])
}

fn configuration(ground: &Ground) -> String {
    let Ground { case, listen, origin, certificate, .. } = ground;
    let (how, scheme) = match case.protocol {
        Protocol::Http1 => (String::new(), "http"),
        Protocol::H2c | Protocol::Grpc => (" proto h2".into(), "http"),
        Protocol::Tls => (format!(" ssl crt {} alpn http/1.1", certificate.both.display()), "https"),
    };
    let upstream = if case.protocol == Protocol::Grpc { " proto h2" } else { "" };
    let (log_to, log_as) = match case.access_log {
        true => ("log stdout format raw local0", "log global\n    option httplog"),
        false => ("", ""),
    };
    format!(
        "global
    nbthread 1
    maxconn {connections}
    no strict-limits
    {log_to}
defaults
    mode http
    http-reuse always
    timeout connect 5s
    timeout client 300s
    timeout server 60s
    timeout http-keep-alive 300s
    {log_as}
frontend bench
    bind {listen}{how}
    option forwardfor
    http-request set-header Via \"1.1 bench\"
    http-request set-header X-Forwarded-Proto {scheme}
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    use_backend %[path,map_beg({map})]
backend origin
    server one {origin}{upstream}
",
        connections = ground.connections + 256,
        map = ground.file("routes.map"),
    )
}

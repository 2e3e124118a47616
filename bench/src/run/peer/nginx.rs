//! nginx: one location for each route, a kept-alive upstream, nothing buffered to disk.

use std::{ffi::OsString, fmt::Write as _, fs};

use super::Ground;
use crate::{Failure, load::Protocol, run::route_names};

pub(super) fn prepare(ground: &Ground) -> Result<Vec<OsString>, Failure> {
    let file = ground.write("nginx.conf", &configuration(ground))?;
    let error_log = ground.file("error.log");
    Ok(vec!["-p".into(), ground.folder.into(), "-c".into(), file.into(), "-e".into(), error_log.into()])
}

fn configuration(ground: &Ground) -> String {
    let Ground { case, listen, origin, certificate, .. } = ground;
    // A worker that root starts changes to a user who may not look into our folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let access_log = match case.access_log {
        true => format!("{} combined buffer=64k flush=1s", ground.file("access.log")),
        false => "off".into(),
    };
    let (how, tls) = match case.protocol {
        Protocol::Http1 => ("", String::new()),
        Protocol::H2c | Protocol::Grpc => (" http2", String::new()),
        Protocol::Tls => {
            let (cert, key) = (certificate.cert.display(), certificate.key.display());
            (" ssl", format!("ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;"))
        }
    };
    // The table of connections is allocated whole: no larger than the case needs, twice for the upstream's side.
    let connections = ground.connections * 2 + 256;
    let mut text = format!(
        "{user}
daemon off;
worker_processes 1;
pid {pid};
events {{ worker_connections {connections}; }}
http {{
    access_log {access_log};
    {temporary}
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    upstream origin {{ server {origin}; keepalive 128; keepalive_requests 1000000000; keepalive_timeout 300s; }}
    server {{
        listen {listen}{how};
        {tls}
        {headers}
",
        pid = ground.file("nginx.pid"),
        temporary = temporary_folders(ground),
        headers = headers(case.protocol),
    );
    let pass = if case.protocol == Protocol::Grpc { "grpc_pass grpc://origin" } else { "proxy_pass http://origin" };
    for prefix in route_names(case) {
        let _ = writeln!(text, "        location {prefix}/ {{ {pass}; }}");
    }
    text.push_str("    }\n}\n");
    text
}

/// Set once for the server; every location inherits them.
fn headers(protocol: Protocol) -> String {
    let module = if protocol == Protocol::Grpc { "grpc" } else { "proxy" };
    let common = [
        "Host $host",
        "Via \"1.1 bench\"",
        "X-Forwarded-For $proxy_add_x_forwarded_for",
        "X-Forwarded-Proto $scheme",
        "X-Forwarded-Host $host",
    ];
    let mut text: String = common.iter().map(|header| format!("{module}_set_header {header}; ")).collect();
    if protocol != Protocol::Grpc {
        text.push_str("proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_max_temp_file_size 0;");
    }
    text
}

/// Compiled-in paths belong to the system's own nginx.
fn temporary_folders(ground: &Ground) -> String {
    let folder = ground.folder.join("temporary");
    // Where it cannot be made, nginx says so itself.
    let _ = fs::create_dir_all(&folder);
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    kinds.iter().map(|kind| format!("{kind}_temp_path {}/{kind}; ", folder.display())).collect()
}

//! Ours. Metrics are on: the admin address brings them. `Via` and `X-Forwarded-*` are its default.

use std::{ffi::OsString, fmt::Write as _};

use super::Ground;
use crate::{Failure, load::Protocol, run::route_names};

pub(super) fn prepare(ground: &Ground) -> Result<Vec<OsString>, Failure> {
    let file = ground.write("sluice.yaml", &document(ground))?;
    Ok(vec!["run".into(), "-c".into(), file.into()])
}

fn document(ground: &Ground) -> String {
    let Ground { case, listen, admin, origin, certificate, .. } = ground;
    let access_log = match case.access_log {
        true => format!("{{ path: {} }}", ground.file("access.log")),
        false => "off".into(),
    };
    let tls = match case.protocol {
        Protocol::Tls => {
            let (cert, key) = (certificate.cert.display(), certificate.key.display());
            format!("\n    tls: {{ certificates: [ {{ cert: {cert}, key: {key} }} ] }}")
        }
        _ => String::new(),
    };
    let protocol = if case.protocol == Protocol::Grpc { "h2c" } else { "http1" };
    let mut text = format!(
        "version: 1
gateway:
  workers: 1
  admin: {{ address: {admin} }}
  access_log: {access_log}
listeners:
  - name: bench
    address: {listen}{tls}
upstreams:
  - name: origin
    endpoints: [ {origin} ]
    protocol: {protocol}
routes:
"
    );
    for prefix in route_names(case) {
        let name = prefix.trim_start_matches('/');
        let _ = writeln!(text, "  - {{ name: {name}, match: {{ path: {{ prefix: {prefix} }} }}, upstream: origin }}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{case::CASES, peer::Certificate};

    #[test]
    fn the_gateway_understands_every_document() {
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = Certificate::generate(folder.path()).expect("a certificate");
        let address = ([127, 0, 0, 1], 0).into();
        for case in CASES {
            let (folder, connections) = (folder.path(), case.connections);
            let text = document(&Ground {
                case,
                folder,
                listen: address,
                admin: address,
                origin: ([127, 0, 0, 1], 1).into(), // tidy-allow fixed-port: never bound; an endpoint needs one
                certificate: &certificate,
                connections,
            });
            let mut report = model::Report::default();
            let tree = model::parse("sluice.yaml", &text, &|_| None, &mut report).expect("a tree");
            let model = model::check(&tree, &mut report);
            assert_eq!(report.problems, [], "{}", case.name);
            assert_eq!(model.expect("a model").routes.len(), case.routes as usize, "{}", case.name);
        }
    }
}

//! Envoy: one worker, a route for each prefix, its own forwarding headers plus the missing one.

use std::ffi::OsString;

use serde_json::{Value, json};

use super::Ground;
use crate::{Failure, load::Protocol, run::route_names};

pub(super) fn prepare(ground: &Ground) -> Result<Vec<OsString>, Failure> {
    let file = ground.write("envoy.json", &configuration(ground).to_string())?;
    let mut arguments = vec!["-c".into(), file.into()];
    arguments.extend(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"].map(OsString::from));
    Ok(arguments)
}

fn configuration(ground: &Ground) -> Value {
    let filter = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": connection_manager(ground),
    });
    let mut chain = json!({ "filters": [filter] });
    if ground.case.protocol == Protocol::Tls {
        chain["transport_socket"] = tls(ground);
    }
    json!({ "static_resources": {
        "listeners": [{
            "name": "bench",
            "address": address(ground.listen),
            "filter_chains": [chain],
        }],
        "clusters": [cluster(ground)],
    } })
}

fn connection_manager(ground: &Ground) -> Value {
    let routes: Vec<Value> = route_names(ground.case)
        .map(|prefix| json!({ "match": { "path_separated_prefix": prefix }, "route": { "cluster": "origin" } }))
        .collect();
    let mut manager = json!({
        "@type": extension("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "bench",
        "use_remote_address": true,
        "via": "1.1 bench",
        "generate_request_id": false,
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": extension("filters.http.router.v3.Router") },
        }],
        "route_config": {
            "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }],
            "request_headers_to_add": [{
                "header": { "key": "x-forwarded-host", "value": "%REQ(:authority)%" },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }],
        },
    });
    if ground.case.access_log {
        manager["access_log"] = json!([{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": extension("access_loggers.file.v3.FileAccessLog"),
                "path": ground.file("access.log"),
            },
        }]);
    }
    manager
}

fn tls(ground: &Ground) -> Value {
    let (cert, key) = (ground.certificate.cert.display().to_string(), ground.certificate.key.display().to_string());
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": extension("transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {
                "tls_certificates": [{ "certificate_chain": { "filename": cert }, "private_key": { "filename": key } }],
                "tls_params": { "tls_maximum_protocol_version": "TLSv1_3" },
            },
        },
    })
}

fn cluster(ground: &Ground) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(ground.origin) } });
    let mut cluster = json!({
        "name": "origin",
        "type": "STATIC",
        "load_assignment": { "cluster_name": "origin", "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    if ground.case.protocol == Protocol::Grpc {
        let options = extension("upstreams.http.v3.HttpProtocolOptions");
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": options,
                "explicit_http_config": { "http2_protocol_options": {} },
            },
        });
    }
    cluster
}

fn address(address: std::net::SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip(), "port_value": address.port() } })
}

fn extension(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

//! Against real members.

/// The gateway's own entry.
mod entry;
/// Instances of a service.
mod service;

use std::net::SocketAddr;

use ::etcd::Members;
use model::{FromText, UpstreamTls, values::HttpUrl};

fn settings<'a>(urls: impl IntoIterator<Item = &'a str>) -> model::Etcd {
    let tls = UpstreamTls { server_name: None, ca: None, client_certificate: None };
    model::Etcd { endpoints: urls.into_iter().map(|url| HttpUrl::from_text(url).unwrap()).collect(), user: None, tls }
}

/// A member behind this address.
fn members(address: SocketAddr) -> Members {
    Members::new(settings([&*format!("http://{address}")]))
}

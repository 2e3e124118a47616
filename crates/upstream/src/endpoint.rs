//! One address of an upstream.

use std::sync::Arc;

use http::HeaderValue;
use model::EndpointAddress;

/// Immutable; what is learned about it hangs on it in atomics.
#[derive(Debug, PartialEq)]
pub struct Endpoint {
    pub address: EndpointAddress,
    /// 0: gets nothing.
    pub weight: u32,
    /// Sorted by key.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// The address as a `Host`; unix sockets are `localhost`.
    pub authority: HeaderValue,
}

// === impl Endpoint ===

impl Endpoint {
    pub fn new(endpoint: &model::Endpoint) -> Self {
        let authority = match &endpoint.address {
            EndpointAddress::Unix(_) => None,
            address => HeaderValue::from_str(&address.to_string()).ok(),
        };
        Self {
            address: endpoint.address.clone(),
            weight: endpoint.weight,
            labels: endpoint.labels.clone(),
            authority: authority.unwrap_or(HeaderValue::from_static("localhost")),
        }
    }
}

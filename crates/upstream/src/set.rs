//! The endpoints of an upstream with the balancer built for them.

use std::sync::Arc;

use crate::{Endpoint, balance::LoadBalancer};

/// Swapped whole, so that nobody sees endpoints with a balancer that was built for others.
pub struct EndpointSet {
    pub endpoints: Box<[Arc<Endpoint>]>,
    pub balancer: Box<dyn LoadBalancer>,
}

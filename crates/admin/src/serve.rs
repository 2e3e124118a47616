//! The sockets of the admin address.

use std::{future::Future, sync::Arc, time::Duration};

use listen::{Limits, Listener};

use crate::{Gateway, guard::Hosts, routes};

const LIMITS: Limits = Limits {
    connections: 64,
    head: Duration::from_secs(5),
    head_bytes: 16 * 1024,
    age: Duration::from_mins(1),
    grace: Duration::from_secs(5),
    title_case: false,
};

/// Answers on `listener` until `shutdown`, then finishes what is under way, which takes a few seconds at most.
pub async fn serve(listener: Listener, gateway: Arc<dyn Gateway>, shutdown: impl Future<Output = ()>) {
    let hosts = match listener {
        Listener::Tcp(_) => Hosts::Named,
        Listener::Unix(_) => Hosts::Any,
    };
    listen::serve(listener, LIMITS, routes::router(gateway, hosts), shutdown).await;
}

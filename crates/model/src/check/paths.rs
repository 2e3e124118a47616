//! Hosts and paths that the gateway sends instead of taking them from a request.

use http::{HeaderValue, uri::Authority};

use crate::{Node, Report};

/// A value for `Host`: a host with an optional port, nothing else.
pub(super) fn authority(node: &Node, value: HeaderValue, report: &mut Report) -> Option<HeaderValue> {
    let authority = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
    match authority {
        Some(authority) if !authority.as_str().contains('@') && !authority.host().is_empty() => Some(value),
        _ => {
            let message = format!("expected a host with an optional port, found {}", node.describe());
            report.error(&node.place, message);
            None
        }
    }
}

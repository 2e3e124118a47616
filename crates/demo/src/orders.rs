//! `orders`: JSON in two versions, so that splits and canaries are visible.

use std::io;

use http::StatusCode;
use serde_json::json;

use crate::{reply, service::Service};

/// Starts the orders service in `version`; `v2` also tells the currency, and both say which version they are.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn orders(version: &'static str) -> io::Result<Service> {
    Service::start(format!("orders-{version}"), move |_, _| {
        let orders = match version {
            "v1" => json!([{ "id": 7, "total": 1250 }, { "id": 8, "total": 990 }]),
            _ => json!([
                { "id": 7, "total": { "amount": 1250, "currency": "EUR" } },
                { "id": 8, "total": { "amount": 990, "currency": "EUR" } },
            ]),
        };
        async move { reply::json(StatusCode::OK, &json!({ "version": version, "orders": orders })) }
    })
    .await
}

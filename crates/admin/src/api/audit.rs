//! `GET /api/v1/audit`: who changed what, and who tried in vain.

use axum::Json;
use http::StatusCode;
use listen::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::{call::Call, query::Parameter};
use crate::AuditEntry;

pub(super) static OF_LIST: &[Parameter] = &[
    Parameter::number("limit", [1, 1_000], Some(100), "How many are told at most."),
    Parameter::number("before", [1, u64::MAX], None, "The `next` of the page before."),
];

/// A page of it, the newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct AuditTold {
    items: Vec<AuditEntry>,
    /// The `before` of the next page; `None`: there is no more.
    next: Option<u64>,
}

pub(super) async fn list(call: Call) -> Result<Json<AuditTold>, Problem> {
    let (limit, before) = (call.query.count("limit"), call.query.number("before"));
    let items = call.ask(move |gateway| gateway.audited(before, limit)).await?;
    let items = items.map_err(|why| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why))?;
    let next = items.last().map(|entry| entry.id).filter(|_| items.len() == limit);
    Ok(Json(AuditTold { items, next }))
}

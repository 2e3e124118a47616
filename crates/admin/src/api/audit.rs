//! `GET /api/v1/audit`: who changed what, and who tried in vain.

use axum::{Json, extract::State};
use http::{StatusCode, Uri};
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::{Api, parameters::bad, query::Query};
use crate::{AuditEntry, problem::Problem};

/// So many if nobody says, and at most.
const LIMIT: usize = 100;
const MOST: usize = 1_000;

#[derive(Serialize)]
pub(super) struct Page {
    items: Vec<AuditEntry>,
    /// The `before` of the next page; `None`: there is no more.
    next: Option<u64>,
}

/// The newest first.
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Result<Json<Page>, Problem> {
    let query = Query::read(&uri, &["limit", "before"])?;
    let limit = match query.get("limit") {
        None => LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| bad(format!("`limit` is a number from 1 to {MOST}, not `{text}`")))?,
    };
    let before = query.get("before").map(str::parse).transpose();
    let before = before.map_err(|_| bad("`before` is the number of an entry".to_owned()))?;
    let items = spawn_blocking(move || api.gateway.audited(before, limit)).await;
    let failed = |why: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why);
    let items = items.map_err(|_| failed("the audit log could not be read".to_owned()))?.map_err(failed)?;
    let next = items.last().map(|entry| entry.id).filter(|_| items.len() == limit);
    Ok(Json(Page { items, next }))
}

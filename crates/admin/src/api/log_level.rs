//! `/api/v1/log-level`: how much the program says about itself.

use axum::Json;

use super::call::Call;
use listen::Problem;

use crate::{LogLevelOrder, LogLevelTold};

pub(super) async fn told(call: Call) -> Result<Json<LogLevelTold>, Problem> {
    Ok(Json(call.api.gateway.log_level()))
}

/// Gives an order; answers with what holds then.
pub(super) async fn order(call: Call, order: LogLevelOrder) -> Result<Json<LogLevelTold>, Problem> {
    Ok(Json(call.api.gateway.order_log_level(&order)))
}

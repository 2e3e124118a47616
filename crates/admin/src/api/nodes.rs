//! `GET /api/v1/nodes`: the gateways that share the document.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;
use snapshot::NodeTold;

use super::call::Call;
use listen::Problem;

#[derive(Serialize, JsonSchema)]
pub(super) struct NodesTold {
    nodes: Vec<NodeTold>,
}

pub(super) async fn list(call: Call) -> Result<Json<NodesTold>, Problem> {
    let nodes = call.ask(|gateway| gateway.nodes()).await?;
    Ok(Json(NodesTold { nodes }))
}

//! `/api/v1/upstreams/{name}/endpoints`: who is asked, and orders about it, whatever the document or a registry says.

use axum::Json;
use http::StatusCode;
use revisions::edit::List;
use schemars::JsonSchema;
use serde::Serialize;
use snapshot::{EndpointOrder, EndpointOrderError, LiveEndpointTold};

use super::{call::Call, objects::missing};
use listen::Problem;

#[derive(Serialize, JsonSchema)]
pub(super) struct EndpointsTold {
    /// In the order of the document, or of addresses.
    endpoints: Vec<LiveEndpointTold>,
}

pub(super) async fn list(call: Call) -> Result<Json<EndpointsTold>, Problem> {
    let upstream = call.id();
    let found = call
        .ask(move |gateway| gateway.endpoints(&upstream).ok_or_else(|| missing(gateway, List::Upstreams, &upstream)));
    Ok(Json(EndpointsTold { endpoints: found.await?? }))
}

/// Gives an order; answers with the endpoint that it is about.
pub(super) async fn order(call: Call, order: EndpointOrder) -> Result<Json<LiveEndpointTold>, Problem> {
    let (upstream, address) = (call.id(), call.inner_id());
    let followed = call.ask(move |gateway| gateway.order_endpoint(&upstream, &address, &order));
    followed.await?.map(Json).map_err(|error| {
        let status = match error {
            EndpointOrderError::NoUpstream { .. } | EndpointOrderError::NoEndpoint { .. } => StatusCode::NOT_FOUND,
            EndpointOrderError::Senseless(_) => StatusCode::UNPROCESSABLE_ENTITY,
            EndpointOrderError::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::new(status, error.to_string())
    })
}

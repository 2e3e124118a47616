//! `GET /api/v1/certificates`: the certificates that the gateway shows.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;
use snapshot::CertificateTold;

use super::call::Call;
use listen::Problem;

#[derive(Serialize, JsonSchema)]
pub(super) struct CertificatesTold {
    /// The one that ends first is in front.
    certificates: Vec<CertificateTold>,
}

pub(super) async fn list(call: Call) -> Result<Json<CertificatesTold>, Problem> {
    let certificates = call.ask(|gateway| gateway.certificates()).await?;
    Ok(Json(CertificatesTold { certificates }))
}

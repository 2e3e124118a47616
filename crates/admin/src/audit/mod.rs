//! Who changed what, and who tried in vain: what is noted of a request.
//!
//! Who keeps it is for the [`Gateway`] to know.

/// What a request says, for whoever notes it too.
mod asked;
/// What a change did to objects.
mod changed;
/// Those who were refused.
mod denied;
/// What is not to be kept.
mod secrets;

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use listen::{Peer, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use snapshot::Role;

use self::asked::Asked;
pub(crate) use self::denied::Denials;
pub use self::{
    changed::{Changed, Told},
    denied::Denied,
};
use crate::{Gateway, Identity};

/// A request that changed something, or was refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AuditEntry {
    /// Grows by one; given by who keeps it.
    pub id: u64,
    /// When it came (RFC 3339).
    pub at: String,
    /// The operator; `None`: nobody knows who that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The address, or the user of a process of this machine.
    pub from: String,
    pub method: String,
    /// Decoded.
    pub path: String,
    /// Secrets left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    pub status: u16,
    /// Why they were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<Denied>,
    /// There were so many that further ones of this minute are counted only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub further_untold: bool,
    /// What the answer says too, as `x-request-id`.
    pub request_id: String,
    /// That it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Why, in their words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What became of objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// What they sent, if no objects became of it. Secrets left out; so many bytes, if it is long or no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Value>,
}

/// Of what is kept of a request, or of the objects that it changed.
const MOST_BYTES: usize = 64 * 1024;

/// Who asks.
pub(crate) fn peer(request: &Request) -> Peer {
    // Whoever is not known is nobody in particular.
    request.extensions().get().copied().unwrap_or(Peer::Unix { uid: None })
}

/// Has a request answered that changes something, whether or not somebody waits for the answer, and has it noted what came
/// of it.
pub(crate) async fn noted(gateway: Arc<dyn Gateway>, mut entry: AuditEntry, request: Request, next: Next) -> Response {
    let (request, asked) = Asked::listen(request);
    // Tasks of their own: whoever leaves, and whatever breaks, what was done is noted.
    let answering = tokio::spawn(next.run(request));
    let noting = tokio::spawn(async move {
        let mut response = answering.await.unwrap_or_else(|_| broken());
        let told = response.extensions_mut().remove::<Told>().unwrap_or_default();
        entry.status = response.status().as_u16();
        entry.asked = if told.changed.is_empty() { asked.told() } else { None };
        (entry.revision, entry.message, entry.changed) = (told.revision, told.message, told.changed);
        gateway.audit(entry);
        response
    });
    noting.await.unwrap_or_else(|_| broken())
}

fn broken() -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the request broke off").into_response()
}

// === impl AuditEntry ===

impl AuditEntry {
    /// What is known of a request before anybody knows whose it is.
    pub(crate) fn of(request: &Request, now: SystemTime) -> Self {
        let uri = request.uri();
        Self {
            at: telemetry::rfc3339(now),
            from: peer(request).to_string(),
            method: request.method().to_string(),
            path: secrets::path(uri.path()),
            query: uri.query().map(secrets::query),
            request_id: String::from_utf8_lossy(message::new_request_id().as_bytes()).into_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn by(self, identity: &Identity) -> Self {
        Self { who: Some(identity.name.to_string()), role: Some(identity.role), ..self }
    }
}

use std::{sync::Arc, time::SystemTime};

pub use crate::document::OperatorRole;
use crate::{Place, values::SecretHash};

/// Somebody who may ask at the admin address.
#[derive(Debug, Clone)]
pub struct Operator {
    pub name: Arc<str>,
    pub place: Place,
    pub role: OperatorRole,
    /// Of the token that they show.
    pub hash: SecretHash,
    /// From when on it is worth nothing.
    pub not_after: Option<SystemTime>,
}

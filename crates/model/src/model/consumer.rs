//! Who calls, as far as the document knows them.

use std::{sync::Arc, time::SystemTime};

use crate::{Place, values::SecretHash};

#[derive(Debug, Clone)]
pub struct Consumer {
    pub name: Arc<str>,
    pub place: Place,
    /// Without commas.
    pub groups: Vec<Arc<str>>,
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    pub credentials: Vec<Credential>,
}

/// A key of a consumer; no other one in the document is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub hash: SecretHash,
    /// What operators call it; of one consumer, no two are the same.
    pub id: Arc<str>,
    pub created: Option<SystemTime>,
    /// From when on it shows nothing; `None`: it always does.
    pub not_after: Option<SystemTime>,
}

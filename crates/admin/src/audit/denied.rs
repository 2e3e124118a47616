use std::{sync::Arc, time::Instant};

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AuditEntry;
use crate::{
    Gateway,
    auth::{Failures, Verdict},
};

/// Why somebody was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Denied {
    NoToken,
    WrongToken,
    /// There were too many wrong ones.
    Limited,
    Expired,
    /// The role is not enough.
    Role,
    /// The gateway is not known by that name.
    Host,
    /// A page of somebody else asks.
    Origin,
    /// What pages can send without asking first.
    MediaType,
}

/// Refusals, which are all counted, and noted unless there are very many.
pub(crate) struct Denials {
    gateway: Arc<dyn Gateway>,
    noted: Failures,
}

/// So many a minute are noted of each source: whoever floods the log shall not drive out of it what others did.
const NOTED: u32 = 30;

// === impl Denied ===

impl Denied {
    pub const ALL: [Self; 8] = [
        Self::NoToken,
        Self::WrongToken,
        Self::Limited,
        Self::Expired,
        Self::Role,
        Self::Host,
        Self::Origin,
        Self::MediaType,
    ];

    /// As metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::WrongToken => "wrong_token",
            Self::Limited => "limited",
            Self::Expired => "expired",
            Self::Role => "role",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::MediaType => "media_type",
        }
    }
}

// === impl Denials ===

impl Denials {
    pub(crate) fn new(gateway: Arc<dyn Gateway>) -> Self {
        Self { gateway, noted: Failures::new(NOTED) }
    }

    pub(crate) fn note(&self, why: Denied, status: StatusCode, from: listen::Peer, entry: AuditEntry) {
        self.gateway.denied(why);
        // Whoever just forgot it tried nothing.
        if why == Denied::NoToken {
            return;
        }
        let further_untold = match self.noted.note(from, Instant::now()) {
            Verdict::Fine => false,
            Verdict::Last(_) => true,
            Verdict::TooMany(_) => return,
        };
        self.gateway.audit(AuditEntry { status: status.as_u16(), denied: Some(why), further_untold, ..entry });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_are_written() {
        for denied in Denied::ALL {
            assert_eq!(serde_json::to_value(denied).unwrap(), denied.name());
        }
    }
}

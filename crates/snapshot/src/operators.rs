//! Who may ask at the admin address, and what.

use std::{sync::Arc, time::SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody may do. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Changes everything but who may do what.
    Operator,
    /// Changes that too.
    Admin,
}

/// Those that the document names.
#[derive(Debug, Default)]
pub struct Operators(Box<[Operator]>);

/// Somebody that the document names.
#[derive(Debug, Clone)]
pub struct Operator {
    pub name: Arc<str>,
    pub role: Role,
    hash: blake3::Hash,
    not_after: Option<SystemTime>,
}

/// Whose token was shown.
#[derive(Debug, Clone)]
pub enum Shown<'o> {
    /// Nobody's.
    Unknown,
    Valid(&'o Operator),
    /// It was worth something until then.
    Expired(&'o Operator, SystemTime),
}

// === impl Role ===

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// As documents call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl From<model::OperatorRole> for Role {
    fn from(written: model::OperatorRole) -> Self {
        match written {
            model::OperatorRole::Viewer => Self::Viewer,
            model::OperatorRole::Operator => Self::Operator,
            model::OperatorRole::Admin => Self::Admin,
        }
    }
}

// === impl Operators ===

impl Operators {
    pub(crate) fn of(written: &[model::Operator]) -> Arc<Self> {
        Arc::new(Self(written.iter().map(Operator::of).collect()))
    }

    /// Whose token this is. How long that takes depends on how many operators there are and how long the token is, and not
    /// on how much of it is right.
    pub fn whose(&self, shown: &[u8], now: SystemTime) -> Shown<'_> {
        let hash = blake3::hash(shown);
        let mut found = Shown::Unknown;
        for operator in &self.0 {
            // Hashes compare in constant time, and nobody stops at the first.
            if operator.hash == hash {
                found = match operator.not_after.filter(|end| *end <= now) {
                    None => Shown::Valid(operator),
                    Some(end) => Shown::Expired(operator, end),
                };
            }
        }
        found
    }
}

// === impl Operator ===

impl Operator {
    fn of(written: &model::Operator) -> Self {
        Self {
            name: written.name.clone(),
            role: written.role.into(),
            hash: blake3::Hash::from_bytes(written.hash.0),
            not_after: written.not_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn roles_are_ordered_and_named_as_they_are_written() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }

    #[test]
    fn a_token_is_its_operators_until_it_expires() {
        let end = UNIX_EPOCH + Duration::from_secs(100);
        let operator = |name: &str, token: &str, not_after| Operator {
            name: name.into(),
            role: Role::Viewer,
            hash: blake3::hash(token.as_bytes()),
            not_after,
        };
        let operators = Operators([operator("a", "slo_a", None), operator("b", "slo_b", Some(end))].into());
        let whose =
            |token: &str, seconds| match operators.whose(token.as_bytes(), UNIX_EPOCH + Duration::from_secs(seconds)) {
                Shown::Unknown => "nobody".to_owned(),
                Shown::Valid(operator) => operator.name.to_string(),
                Shown::Expired(operator, since) => {
                    assert_eq!(since, end);
                    format!("{} once", operator.name)
                }
            };
        for (token, seconds, expected) in [
            ("slo_a", 1_000, "a"),
            ("slo_b", 99, "b"),
            ("slo_b", 100, "b once"),
            ("", 0, "nobody"),
            ("slo_", 0, "nobody"),
            ("SLO_A", 0, "nobody"),
            ("slo_a ", 0, "nobody"),
            ("blake3:", 0, "nobody"),
        ] {
            assert_eq!(whose(token, seconds), expected, "{token} at {seconds}");
        }
        let hash = blake3::hash(b"slo_a").to_hex();
        assert_eq!(whose(&hash, 0), "nobody", "who reads the document knows no token");
    }
}

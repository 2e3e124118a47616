//! Who may ask at the admin address, and what.

use std::{sync::Arc, time::SystemTime};

use policy::Stamp;
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
    last: Arc<Stamp>,
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
    /// A token that stays keeps the time when it was last used.
    pub(crate) fn new(written: &[model::Operator], previous: Option<&Self>) -> Arc<Self> {
        Arc::new(Self(written.iter().map(|written| Operator::new(written, previous)).collect()))
    }

    /// When the token of an operator was last used, to the minute; `None`: not by this process.
    pub fn last_used(&self, name: &str) -> Option<SystemTime> {
        self.0.iter().find(|operator| *operator.name == *name)?.last.read()
    }

    /// Whose token this is, which counts as a use of it. How long that takes depends on how many operators there are and how long the token is, and not
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
        if let Shown::Valid(operator) = found {
            operator.last.note(now);
        }
        found
    }
}

// === impl Operator ===

impl Operator {
    fn new(written: &model::Operator, previous: Option<&Operators>) -> Self {
        let hash = blake3::Hash::from_bytes(written.hash.0);
        let is_it = |before: &&Self| before.name == written.name && before.hash == hash;
        let before = previous.and_then(|previous| previous.0.iter().find(is_it));
        Self {
            name: written.name.clone(),
            role: written.role.into(),
            hash,
            not_after: written.not_after,
            last: before.map(|before| before.last.clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use model::{Place, values::SecretHash};

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
            last: Arc::default(),
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

    #[test]
    fn a_token_that_stays_keeps_its_uses() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let written = |list: &[(&str, &str, Option<SystemTime>)]| -> Vec<_> {
            let operator = |(name, token, not_after): &(&str, &str, Option<SystemTime>)| model::Operator {
                name: (*name).into(),
                place: Place { file: "test".into(), line: 1, column: 1 },
                role: model::OperatorRole::Viewer,
                hash: SecretHash::of(token.as_bytes()),
                not_after: *not_after,
            };
            list.iter().map(operator).collect()
        };
        let first = Operators::new(&written(&[("a", "slo_a", None), ("b", "slo_b", Some(at(1_000)))]), None);
        for (token, second) in [("slo_a", 600), ("slo_a", 630), ("slo_b", 2_000), ("slo_c", 600)] {
            first.whose(token.as_bytes(), at(second));
        }
        assert_eq!(["a", "b", "c"].map(|name| first.last_used(name)), [Some(at(600)), None, None]);
        // Another order and another end; a token of its own is another one.
        let second = Operators::new(&written(&[("b", "slo_d", None), ("a", "slo_a", Some(at(9_000)))]), Some(&first));
        second.whose(b"slo_d", at(700));
        assert_eq!(["a", "b"].map(|name| second.last_used(name)), [Some(at(600)), Some(at(700))]);
        let third = Operators::new(&written(&[("a", "slo_e", None)]), Some(&second));
        assert_eq!(third.last_used("a"), None);
    }
}

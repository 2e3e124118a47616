use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::nearest;

/// What an attempt must have come to for another one to be made: the name of a failure, a status from 400 to 599, or a
/// gRPC status by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryCondition {
    ConnectFailure,
    RefusedStream,
    Reset,
    Timeout,
    Status(u16),
    /// By number.
    Grpc(u8),
}

#[rustfmt::skip]
const NAMED: &[(&str, RetryCondition)] = &[
    ("connect_failure",         RetryCondition::ConnectFailure),
    ("refused_stream",          RetryCondition::RefusedStream),
    ("reset",                   RetryCondition::Reset),
    ("timeout",                 RetryCondition::Timeout),
    ("grpc_cancelled",          RetryCondition::Grpc(1)),
    ("grpc_deadline_exceeded",  RetryCondition::Grpc(4)),
    ("grpc_resource_exhausted", RetryCondition::Grpc(8)),
    ("grpc_aborted",            RetryCondition::Grpc(10)),
    ("grpc_internal",           RetryCondition::Grpc(13)),
    ("grpc_unavailable",        RetryCondition::Grpc(14)),
];

const EXPECTED: &str = "a status from 400 to 599, or the name of a failure such as `connect_failure`";

// === impl RetryCondition ===

impl<'de> Deserialize<'de> for RetryCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = RetryCondition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<RetryCondition, E> {
                match u16::try_from(number) {
                    Ok(status @ 400..=599) => Ok(RetryCondition::Status(status)),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RetryCondition, E> {
                let names = || NAMED.iter().map(|(name, _)| *name);
                match (NAMED.iter().find(|(name, _)| *name == text), nearest(text, names())) {
                    (Some((_, condition)), _) => Ok(*condition),
                    (None, Some(near)) => {
                        Err(E::custom(format_args!("unknown failure `{text}`; did you mean `{near}`?")))
                    }
                    (None, None) => {
                        let known: Vec<&str> = names().collect();
                        Err(E::custom(format_args!("unknown failure `{text}`; known are {}", known.join(", "))))
                    }
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for RetryCondition {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RetryCondition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
        json_schema!({
            "description": "The name of a failure, or a status from 400 to 599.",
            "anyOf": [{ "enum": names }, { "type": "integer", "minimum": 400, "maximum": 599 }],
        })
    }
}

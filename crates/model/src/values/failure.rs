use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::nearest;

/// What an attempt may come to that is no success: a failure by its name, a status from 400 to 599, all of those from
/// 500, or a gRPC status by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    ConnectFailure,
    RefusedStream,
    Reset,
    Timeout,
    Status(u16),
    /// Any status from 500.
    ServerError,
    /// By number.
    Grpc(u8),
}

#[rustfmt::skip]
const NAMED: &[(&str, Failure)] = &[
    ("connect_failure",         Failure::ConnectFailure),
    ("refused_stream",          Failure::RefusedStream),
    ("reset",                   Failure::Reset),
    ("timeout",                 Failure::Timeout),
    ("5xx",                     Failure::ServerError),
    ("grpc_cancelled",          Failure::Grpc(1)),
    ("grpc_unknown",            Failure::Grpc(2)),
    ("grpc_deadline_exceeded",  Failure::Grpc(4)),
    ("grpc_resource_exhausted", Failure::Grpc(8)),
    ("grpc_aborted",            Failure::Grpc(10)),
    ("grpc_internal",           Failure::Grpc(13)),
    ("grpc_unavailable",        Failure::Grpc(14)),
    ("grpc_data_loss",          Failure::Grpc(15)),
];

const EXPECTED: &str = "a status from 400 to 599, or the name of a failure such as `connect_failure`";

// === impl Failure ===

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Failure;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Failure, E> {
                match u16::try_from(number) {
                    Ok(status @ 400..=599) => Ok(Failure::Status(status)),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Failure, E> {
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

impl JsonSchema for Failure {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Failure".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
        json_schema!({
            "description": "The name of a failure, or a status from 400 to 599.",
            "anyOf": [{ "enum": names }, { "type": "integer", "minimum": 400, "maximum": 599 }],
        })
    }
}

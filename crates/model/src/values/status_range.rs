use std::{borrow::Cow, fmt, ops::RangeInclusive};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// Statuses from 200 to 599: one, or all from one to another, as in `200-299`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRange(pub RangeInclusive<u16>);

const EXPECTED: &str = "a status from 200 to 599, or a range such as `200-299`";

// === impl StatusRange ===

impl<'de> Deserialize<'de> for StatusRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = StatusRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<StatusRange, E> {
                match u16::try_from(number) {
                    Ok(status @ 200..=599) => Ok(StatusRange(status..=status)),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusRange, E> {
                let status = |text: &str| text.trim().parse().ok().filter(|status| (200..=599_u16).contains(status));
                let ends = match text.split_once('-') {
                    Some((first, last)) => status(first).zip(status(last)),
                    None => status(text).map(|status| (status, status)),
                };
                match ends {
                    Some((first, last)) if first <= last => Ok(StatusRange(first..=last)),
                    Some((first, last)) => {
                        Err(E::custom(format_args!("the range `{text}` is empty; write it as `{last}-{first}`")))
                    }
                    None => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for StatusRange {
    fn schema_name() -> Cow<'static, str> {
        "StatusRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A status from 200 to 599, or a range of them, as in `200-299`.",
            "anyOf": [
                { "type": "integer", "minimum": 200, "maximum": 599 },
                { "type": "string", "pattern": "^[2-5][0-9]{2}(-[2-5][0-9]{2})?$" },
            ],
        })
    }
}

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// How far the load of one may exceed the average: a number from 1.01 to 10, such as `1.25`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct LoadFactor(pub f64);

// === impl LoadFactor ===

impl<'de> Deserialize<'de> for LoadFactor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = f64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 1.01 to 10, such as `1.25`")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<f64, E> {
                self.visit_f64(number as f64)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<f64, E> {
                match number {
                    1.01..=10.0 => Ok(number),
                    _ => Err(E::invalid_value(de::Unexpected::Float(number), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor).map(Self)
    }
}

impl JsonSchema for LoadFactor {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LoadFactor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 1.01, "maximum": 10 })
    }
}

//! Single values as operators write them, each a type that cannot hold a bad one.
//!
//! Every type reads itself from a text ([`FromText`](crate::FromText)), and describes itself to editors
//! ([`JsonSchema`](schemars::JsonSchema)).

mod duration;
mod ratio;
mod secret_source;
mod size;

pub use duration::Duration;
pub use ratio::Ratio;
pub use secret_source::SecretSource;
pub use size::Size;

/// Implements `Deserialize` by `FromText`, and `JsonSchema` by what is given: a name, and the keywords of the schema.
macro_rules! text_value {
    ($type:ident, $schema:tt) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($crate::values::TextVisitor(std::marker::PhantomData))
            }
        }

        $crate::values::described!($type, $schema);
    };
}

macro_rules! described {
    ($type:ident, $schema:tt) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

pub(crate) use {described, text_value};

pub(crate) struct TextVisitor<T>(pub(crate) std::marker::PhantomData<T>);

impl<T: crate::FromText> serde::de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }
}

//! What editors are told of a type that is written as a text.

/// Implements `JsonSchema` for a type that serde reads from a text, by the keywords beside `type`.
macro_rules! text_schema {
    ($type:ident, { $($keyword:literal: $value:tt),+ $(,)? }) => {
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", $($keyword: $value),+ })
            }
        }
    };
}

pub(crate) use text_schema;

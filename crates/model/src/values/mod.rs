//! Single values as operators write them, each a type that cannot hold a bad one.
//!
//! Every type reads itself from a text ([`FromText`]), and describes itself to editors
//! ([`JsonSchema`](schemars::JsonSchema)).

mod address;
mod authority;
mod bounded;
mod cookie_name;
mod date;
mod dns_name;
mod duration;
mod endpoint_address;
mod expression;
mod failure;
mod header;
mod host_pattern;
mod http_url;
mod link;
mod load_factor;
mod log_field;
mod media_type;
mod ip_address;
mod method;
mod name;
mod name_server;
mod network;
mod path;
mod pattern;
mod probe_target;
mod ratio;
mod secret_hash;
mod secret_source;
mod size;
mod sni;
mod status;
mod status_range;
mod syslog_address;
mod time;
mod zone;

use std::{fmt, marker::PhantomData};

pub(crate) use ::expression::literal::shortened;
use serde::de;

pub use self::expression::Expression;
pub use address::ListenAddress;
pub use authority::{HostValue, ServerName};
pub use bounded::{Bytes, Count};
pub use cookie_name::CookieName;
pub use date::DateOrTime;
pub use dns_name::DnsName;
pub use duration::{Duration, Timeout};
pub use endpoint_address::EndpointTarget;
pub use failure::Failure;
pub use header::{FieldName, FieldValue};
pub use host_pattern::HostName;
pub use http_url::HttpUrl;
pub use ip_address::IpAddress;
pub use link::Link;
pub use load_factor::LoadFactor;
pub use log_field::LogField;
pub use media_type::MediaTypeVersion;
pub use method::MethodName;
pub use name::{GroupName, Name};
pub use name_server::NameServer;
pub use network::Network;
pub use path::is_capture_name;
pub use path::{ExactPath, PathTemplate, PrefixPath, WildcardPath};
pub use pattern::Pattern;
pub use probe_target::ProbeTarget;
pub use ratio::Ratio;
pub use secret_hash::SecretHash;
pub use secret_source::SecretSource;
pub use size::Size;
pub use sni::SniName;
pub use status::{RedirectStatus, Status};
pub use status_range::StatusRange;
pub use syslog_address::SyslogAddress;
pub use time::{Moment, Offset, TimeOfDay};
pub use zone::Zone;

use crate::FromText;

/// Implements `Deserialize` by `FromText`, and `JsonSchema` by the keywords given.
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

pub(crate) struct TextVisitor<T>(pub(crate) PhantomData<T>);

// === impl TextVisitor ===

impl<T: FromText> de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    /// A number that would do as a text, such as the name of a version, only lacks its quotes.
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        match T::from_text(&number.to_string()) {
            Ok(_) => {
                Err(E::custom(format_args!("expected {}, found the number {number}; put it in quotes", T::EXPECTED)))
            }
            Err(_) => Err(E::invalid_type(de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        match T::from_text(&number.to_string()) {
            Ok(_) => {
                Err(E::custom(format_args!("expected {}, found the number {number}; put it in quotes", T::EXPECTED)))
            }
            Err(_) => Err(E::invalid_type(de::Unexpected::Float(number), &self)),
        }
    }
}

/// The complaint of a type whose text is none of it.
pub(crate) fn not_expected<T: FromText>(text: &str) -> String {
    match text {
        "" => format!("expected {}, found an empty text", T::EXPECTED),
        _ => format!("expected {}, found the text `{}`", T::EXPECTED, shortened(text)),
    }
}

//! How much the program says about itself.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// What was done.
    Info,
    /// What it is about to do; many lines per connection.
    Debug,
}

/// How much is said, and what of that operators ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogLevelTold {
    /// Of all that is not under `targets`.
    pub level: LogLevel,
    /// By part of the program.
    pub targets: BTreeMap<String, LogLevel>,
    pub changes: Vec<LogLevelChange>,
}

/// What an operator ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogLevelChange {
    /// `None`: all that have no level of their own.
    pub target: Option<String>,
    pub level: LogLevel,
    /// When it is taken back by itself (RFC 3339); `None`: it is not.
    pub until: Option<String>,
}

/// Has more or less said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevelOrder {
    /// `None`: all that have no level of their own.
    pub target: Option<String>,
    /// `None`: what the command line says.
    pub level: Option<LogLevel>,
    /// `None`: until the next order, or the end of the program.
    pub lasts: Option<Duration>,
}

/// The same as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LogLevelOrder")]
struct Written {
    /// `off`, `error`, `warn`, `info`, `debug`, or `configured`: what the command line says.
    level: String,
    /// A part of the program, such as `proxy` or `proxy::forward`; without one: all that have no level of their own.
    target: Option<String>,
    /// After which time it is taken back by itself.
    #[serde(rename = "for")]
    lasts: Option<model::values::Timeout>,
}

/// In an order: as on the command line.
const CONFIGURED: &str = "configured";

/// A part of the program, as its modules are named: `proxy`, or `proxy::forward`.
///
/// # Errors
/// It cannot be one.
pub fn log_target(text: &str) -> Result<String, String> {
    let is_name =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let text = text.trim();
    if text.split("::").all(is_name) {
        return Ok(text.to_owned());
    }
    let text = text.escape_debug();
    Err(format!("`{text}` is no target; a target is a part of the program, such as `proxy` or `proxy::forward`"))
}

// === impl LogLevel ===

impl LogLevel {
    pub const ALL: [Self; 5] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text.trim()));
        known.ok_or_else(|| {
            let known = Self::ALL.map(|level| format!("`{}`", level.name())).join(", ");
            format!("expected one of {known}, found `{}`", text.escape_debug())
        })
    }
}

// === impl LogLevelOrder ===

impl JsonSchema for LogLevelOrder {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for LogLevelOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { level, target, lasts } = Written::deserialize(deserializer)?;
        let level = match &*level {
            CONFIGURED => None,
            level => Some(level.parse().map_err(|error| de::Error::custom(format!("{error}, or `{CONFIGURED}`")))?),
        };
        let target = target.map(|target| log_target(&target)).transpose().map_err(de::Error::custom)?;
        Ok(Self { target, level, lasts: lasts.map(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let read = |text: &str| serde_json::from_str::<LogLevelOrder>(text).map_err(|error| error.to_string());
        let order = |target: Option<&str>, level, lasts: Option<u64>| LogLevelOrder {
            target: target.map(str::to_owned),
            level,
            lasts: lasts.map(Duration::from_secs),
        };
        for (text, expected) in [
            (r#"{"level":"debug"}"#, order(None, Some(LogLevel::Debug), None)),
            (r#"{"level":"WARN","target":"proxy::forward","for":"10m"}"#, {
                order(Some("proxy::forward"), Some(LogLevel::Warn), Some(600))
            }),
            (r#"{"level":"configured","target":"proxy"}"#, order(Some("proxy"), None, None)),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for (text, why) in [
            (r#"{"level":"loud"}"#, "expected one of `off`, `error`"),
            (r#"{"level":"debug","target":"a b"}"#, "`a b` is no target"),
            (r#"{"level":"debug","for":"0s"}"#, "0"),
            (r#"{"level":"debug","fr":"1m"}"#, "unknown field `fr`"),
            ("{}", "missing field `level`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}

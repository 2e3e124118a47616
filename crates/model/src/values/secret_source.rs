use std::{fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::{FromText, Secret, TextOr};

/// A secret as written: the text itself, `{ file: path }` or `{ env: NAME }`.
///
/// Whoever builds with it reads the file or the variable: this crate does neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    Text(Secret),
    File(PathBuf),
    Env(String),
}

/// The long forms.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Elsewhere {
    /// A file that holds the secret; white space around it does not count.
    File(PathBuf),
    /// The name of an environment variable that holds the secret.
    Env(String),
}

// === impl SecretSource ===

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TextOr::<Long>::deserialize(deserializer).map(|TextOr(Long(source))| source)
    }
}

struct Long(SecretSource);

impl<'de> Deserialize<'de> for Long {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Elsewhere::deserialize(deserializer).map(|elsewhere| match elsewhere {
            Elsewhere::File(path) => Self(SecretSource::File(path)),
            Elsewhere::Env(name) => Self(SecretSource::Env(name)),
        })
    }
}

impl FromText for Long {
    const EXPECTED: &'static str = "a secret: a text, `{ file: path }` or `{ env: NAME }`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("an empty secret".to_owned()),
            _ => Ok(Self(SecretSource::Text(Secret::new(text)))),
        }
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut elsewhere = Elsewhere::json_schema(generator);
        schemars::json_schema!({
            "description": "A secret: the text itself, `{ file: path }` or `{ env: NAME }`.",
            "anyOf": [{ "type": "string", "minLength": 1 }, std::mem::take(elsewhere.ensure_object())],
        })
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("a secret in the document"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
        }
    }
}

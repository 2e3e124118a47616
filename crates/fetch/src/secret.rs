//! Secrets from where the document says they are.

use std::{env, fmt, fs};

use model::{Secret, values::SecretSource};

/// Why a secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretError(pub String);

/// Reads a secret of at least `least` bytes.
///
/// # Errors
/// It is not there, or shorter.
pub fn read(source: &SecretSource, least: usize) -> Result<Secret, SecretError> {
    let failed = |why: String| SecretError(format!("{source}: {why}"));
    let secret = match source {
        SecretSource::Text(secret) => secret.clone(),
        SecretSource::File(path) => {
            let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            Secret::new(text.trim())
        }
        SecretSource::Env(name) => Secret::new(env::var(name).map_err(|error| failed(error.to_string()))?),
    };
    match secret.expose().len() {
        length if length < least => Err(failed(format!("{length} bytes are no secret; at least {least} are needed"))),
        _ => Ok(secret),
    }
}

// === impl SecretError ===

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SecretError {}

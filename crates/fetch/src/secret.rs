//! Secrets from where the document says they are.

use std::{
    env, fmt, fs,
    hash::{DefaultHasher, Hash, Hasher},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{CertificateFiles, Secret, UpstreamTls, values::SecretSource};

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

/// Header fields whose values are secrets.
///
/// # Errors
/// One is not there, or holds what no field can.
pub fn fields(sources: &[(HeaderName, SecretSource)]) -> Result<HeaderMap, SecretError> {
    let mut fields = HeaderMap::new();
    for (name, source) in sources {
        let secret = read(source, 1).map_err(|SecretError(why)| SecretError(format!("header `{name}`: {why}")))?;
        let mut value = HeaderValue::from_str(secret.expose())
            .map_err(|_| SecretError(format!("header `{name}`: {source}: no header field can hold this")))?;
        value.set_sensitive(true);
        fields.append(name, value);
    }
    Ok(fields)
}

/// Of all that is read from elsewhere for these; another one when a secret or a certificate was replaced.
pub fn fingerprint(fields: &[(HeaderName, SecretSource)], tls: &UpstreamTls) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (_, source) in fields {
        read(source, 1).map(|secret| secret.expose().to_owned()).ok().hash(&mut hasher);
    }
    let identity = tls.client_certificate.iter().flat_map(|CertificateFiles { cert, key }| [cert, key]);
    tls.ca.iter().chain(identity).for_each(|path| fs::read(path).ok().hash(&mut hasher));
    hasher.finish()
}

// === impl SecretError ===

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SecretError {}

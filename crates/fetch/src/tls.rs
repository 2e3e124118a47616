//! TLS as those who ask want it.

use std::{fmt, path::Path, sync::Arc};

use model::{CertificateFiles, UpstreamTls};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// Why a TLS section cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError(pub String);

/// What a TLS section comes to: whom to trust, what to show, and these protocols offered by ALPN, best first. Reads the files
/// that it names.
///
/// # Errors
/// A file cannot be read or holds none.
pub fn client_config(tls: &UpstreamTls, alpn: &[&[u8]]) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(error.to_string()))?
        .with_root_certificates(roots(tls.ca.as_deref())?);
    let mut config = match &tls.client_certificate {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = identity(files)?;
            let refused = |error| TlsError(format!("{}: {error}", files.cert.display()));
            builder.with_client_auth_cert(chain, key).map_err(refused)?
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// The name, or address, that a certificate must hold.
///
/// # Errors
/// It is neither.
pub fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|error| TlsError(format!("`{name}` is no server name: {error}")))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = ca else {
        // Certificates of the system that cannot be read are left out; an empty store trusts nobody.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| TlsError(format!("{}: {error}", ca.display())))?;
    }
    Ok(roots)
}

fn identity(files: &CertificateFiles) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| TlsError(format!("{}: no private key: {error}", files.key.display())))?;
    Ok((certificates(&files.cert)?, key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error: &dyn fmt::Display| TlsError(format!("{}: no certificate: {error}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(&error))?;
    if certificates.is_empty() { Err(failed(&"the file holds none")) } else { Ok(certificates) }
}

// === impl TlsError ===

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

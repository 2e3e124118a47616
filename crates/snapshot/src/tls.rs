//! The certificates of a listener.

use std::{collections::HashMap, fmt::Display, path::Path, sync::Arc};

use model::{CertificateFiles, ClientAuth, ListenerTls};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier,
    },
    sign::CertifiedKey,
    version,
};

use crate::certificates::Certificate;

/// Chooses a certificate by SNI: an exact name, then a wildcard, then the first one.
#[derive(Debug)]
struct BySni {
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// `*.example.org` under `example.org`; stands for one label (RFC 6125, 6.4.3).
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    first: Arc<CertifiedKey>,
}

/// Reads the files of a TLS section: what a handshake needs, and what is known of its certificates.
///
/// # Errors
/// What cannot be read, does not parse, or does not belong together; with the file's name.
pub(crate) fn server_config(tls: &ListenerTls) -> Result<(Arc<ServerConfig>, Box<[Certificate]>), String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions: &[_] = if tls.allow_tls12 { &[&version::TLS13, &version::TLS12] } else { &[&version::TLS13] };
    let (by_sni, certificates) = BySni::read(&tls.certificates, &provider)?;
    let verifier = client_verifier(&tls.client_auth, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(by_sni));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets resume sessions on any worker and keep nothing per client.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(|error| error.to_string())?;
    config.send_tls13_tickets = 2;
    config.max_early_data_size = 0;
    Ok((Arc::new(config), certificates))
}

fn client_verifier(auth: &ClientAuth, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let (ca, optional) = match auth {
        ClientAuth::None => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientAuth::Request { ca } => (ca, true),
        ClientAuth::Require { ca } => (ca, false),
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| in_file(ca, &error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|error| in_file(ca, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| in_file(path, &error))?;
    if certificates.is_empty() { Err(in_file(path, &"the file holds no certificate")) } else { Ok(certificates) }
}

fn in_file(path: &Path, error: &dyn Display) -> String {
    format!("{}: {error}", path.display())
}

// === impl BySni ===

impl BySni {
    /// With what is known of each certificate.
    fn read(files: &[CertificateFiles], provider: &CryptoProvider) -> Result<(Self, Box<[Certificate]>), String> {
        let (mut exact, mut wildcard, mut first) = (HashMap::new(), HashMap::new(), None);
        let mut known = Vec::new();
        for files in files {
            let key = read_key(files, provider)?;
            let leaf = key.cert.first().ok_or_else(|| in_file(&files.cert, &"the file holds no certificate"))?;
            let certificate = Certificate::read(&files.cert, leaf)?;
            for name in certificate.names() {
                // The first certificate that holds a name keeps it.
                match name.strip_prefix("*.") {
                    Some(parent) => wildcard.entry(parent.into()).or_insert_with(|| key.clone()),
                    None => exact.entry((**name).into()).or_insert_with(|| key.clone()),
                };
            }
            known.push(certificate);
            first.get_or_insert(key);
        }
        let first = first.ok_or("a tls section needs at least one certificate")?;
        Ok((Self { exact, wildcard, first }, known.into()))
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // rustls hands the name over in lower case only if the client wrote it so.
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let by_name = name.as_deref().and_then(|name| {
            let parent = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
            self.exact.get(name).or_else(parent)
        });
        Some(by_name.unwrap_or(&self.first).clone())
    }
}

fn read_key(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| in_file(&files.key, &error))?;
    CertifiedKey::from_der(certificates(&files.cert)?, key, provider)
        .map(Arc::new)
        .map_err(|error| format!("{}: does not go with {}: {error}", files.key.display(), files.cert.display()))
}

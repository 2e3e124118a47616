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

/// Chooses a certificate by SNI: an exact name, then a wildcard, then the first one.
#[derive(Debug)]
struct BySni {
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// `*.example.org` under `example.org`; stands for one label (RFC 6125, 6.4.3).
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    first: Arc<CertifiedKey>,
}

/// Reads the files of a TLS section.
///
/// # Errors
/// What cannot be read, does not parse, or does not belong together; with the file's name.
pub(crate) fn server_config(tls: &ListenerTls) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions: &[_] = if tls.allow_tls12 { &[&version::TLS13, &version::TLS12] } else { &[&version::TLS13] };
    let certificates = BySni::read(&tls.certificates, &provider)?;
    let verifier = client_verifier(&tls.client_auth, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets resume sessions on any worker and keep nothing per client.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(|error| error.to_string())?;
    config.send_tls13_tickets = 2;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
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
    fn read(files: &[CertificateFiles], provider: &CryptoProvider) -> Result<Self, String> {
        let (mut exact, mut wildcard, mut first) = (HashMap::new(), HashMap::new(), None);
        for files in files {
            let key = read_key(files, provider)?;
            for name in names(&key, files)? {
                // The first certificate that holds a name keeps it.
                match name.strip_prefix("*.") {
                    Some(parent) => wildcard.entry(parent.into()).or_insert_with(|| key.clone()),
                    None => exact.entry(name.into()).or_insert_with(|| key.clone()),
                };
            }
            first.get_or_insert(key);
        }
        let first = first.ok_or("a tls section needs at least one certificate")?;
        Ok(Self { exact, wildcard, first })
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

/// The DNS names that a certificate is for, in lower case.
fn names(key: &CertifiedKey, files: &CertificateFiles) -> Result<Vec<String>, String> {
    let Some(leaf) = key.cert.first() else { return Ok(Vec::new()) };
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).map_err(|error| in_file(&files.cert, &error))?;
    let alternatives = leaf.subject_alternative_name().map_err(|error| in_file(&files.cert, &error))?;
    let names = alternatives.iter().flat_map(|extension| &extension.value.general_names);
    Ok(names
        .filter_map(|name| match name {
            x509_parser::prelude::GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect())
}

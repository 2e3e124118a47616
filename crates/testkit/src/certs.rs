//! Certificates for one test: an authority in a directory of its own, and what it issues.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

/// A certificate authority that lives in a temporary directory.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate with its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The PEM file of the certificate.
    pub cert: PathBuf,
    /// The PEM file of the private key.
    pub key: PathBuf,
    /// The certificate itself, to compare with what a peer showed.
    pub leaf: CertificateDer<'static>,
}

// === impl Authority ===

impl Authority {
    /// Makes an authority and writes its certificate to `ca.pem`.
    ///
    /// # Panics
    /// When the temporary directory cannot be written.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut parameters = named("the test authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        replace(&directory.path().join("ca.pem"), &certificate.pem());
        Self { directory, certificate: certificate.der().clone(), issuer: Issuer::new(parameters, key) }
    }

    /// The PEM file of the authority's own certificate.
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Issues a certificate for a server of these names or addresses into `<stem>.pem` and `<stem>.key`.
    ///
    /// The same stem again replaces the files, key first, each in one step: what a renewal does to a running gateway.
    ///
    /// # Panics
    /// When a name is none, or the files cannot be written.
    pub fn server(&self, stem: &str, names: &[&str]) -> Identity {
        let mut parameters = named(stem);
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        parameters.subject_alt_names = CertificateParams::new(names).expect("names of a server").subject_alt_names;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(stem, &parameters)
    }

    /// Issues a certificate for a client that is called `stem` into `<stem>.pem` and `<stem>.key`.
    ///
    /// # Panics
    /// When the files cannot be written.
    pub fn client(&self, stem: &str) -> Identity {
        let mut parameters = named(stem);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(stem, &parameters)
    }

    fn issue(&self, stem: &str, parameters: &CertificateParams) -> Identity {
        let pair = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&pair, &self.issuer).expect("a certificate");
        let cert = self.directory.path().join(format!("{stem}.pem"));
        let key = self.directory.path().join(format!("{stem}.key"));
        replace(&key, &pair.serialize_pem());
        replace(&cert, &certificate.pem());
        Identity { cert, key, leaf: certificate.der().clone() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn named(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}

/// Writes a file so that nobody ever reads half of it.
pub(crate) fn replace(path: &Path, text: &str) {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, path))
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

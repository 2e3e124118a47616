//! TLS towards endpoints.

use std::{fmt, path::Path, sync::Arc};

use message::{Cause, Error, Result};
use model::{CertificateFiles, EndpointAddress, Protocol, UpstreamTls};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::Endpoint;

/// What an upstream's TLS section comes to.
pub(super) struct Handshake {
    connector: TlsConnector,
    server_name: Option<ServerName<'static>>,
    pub(super) source: Source,
}

/// What a handshake was made of: the section and the content of its files.
#[derive(PartialEq)]
pub(super) struct Source {
    tls: UpstreamTls,
    files: Vec<Vec<u8>>,
}

/// Why the TLS section of an upstream cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError(pub String);

// === impl Handshake ===

impl Handshake {
    pub(super) fn new(tls: &UpstreamTls, protocol: Protocol) -> Result<Self, TlsError> {
        let source = Source::read(tls)?;
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
        config.alpn_protocols = match protocol {
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::H2 | Protocol::H2c => vec![b"h2".to_vec()],
            Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let server_name = tls.server_name.as_deref().map(parse_name).transpose()?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), server_name, source })
    }

    pub(super) async fn connect<S>(&self, stream: S, endpoint: &Endpoint) -> Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => name_of(endpoint)?,
        };
        self.connector.connect(name, stream).await.map_err(|error| {
            let certificate = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
                .is_some_and(|inner| matches!(inner, rustls::Error::InvalidCertificate(_)));
            let cause = if certificate { Cause::TlsCertificate } else { Cause::TlsFailed };
            Error::new(cause, format!("{}: {error}", endpoint.address)).with_source(error)
        })
    }
}

// === impl Source ===

impl Source {
    fn read(tls: &UpstreamTls) -> Result<Self, TlsError> {
        let identity = tls.client_certificate.iter().flat_map(|files| [&files.cert, &files.key]);
        let read = |path: &std::path::PathBuf| {
            std::fs::read(path).map_err(|error| TlsError(format!("{}: {error}", path.display())))
        };
        let files = tls.ca.iter().chain(identity).map(read).collect::<Result<_, _>>()?;
        Ok(Self { tls: tls.clone(), files })
    }
}

fn name_of(endpoint: &Endpoint) -> Result<ServerName<'static>> {
    let name = match &endpoint.address {
        EndpointAddress::Socket(address) => ServerName::from(address.ip()),
        EndpointAddress::Name { host, .. } => ServerName::try_from(host.to_string())
            .map_err(|error| Error::new(Cause::TlsFailed, format!("{host} is no server name")).with_source(error))?,
        EndpointAddress::Unix(_) => {
            return Err(Error::new(Cause::TlsFailed, "tls over a unix socket needs `tls.server_name`"));
        }
    };
    Ok(name)
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

fn parse_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|error| TlsError(format!("`{name}` is no server name: {error}")))
}

// === impl TlsError ===

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

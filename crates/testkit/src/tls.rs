//! TLS settings that trust a test's own authority.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::certs::{Authority, Identity};

/// How a client speaks TLS.
///
/// ```no_run
/// # let authority = testkit::certs::Authority::new();
/// # let alice = authority.client("alice");
/// let config = testkit::tls::Client::trusting(&authority).alpn(&["h2", "http/1.1"]).identity(&alice).build();
/// ```
#[derive(Debug)]
pub struct Client {
    roots: RootCertStore,
    alpn: Vec<Vec<u8>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

/// The settings of a server that shows `identity` and, given an authority, requires a certificate of it.
///
/// # Panics
/// When the files are not what they should be.
pub fn server(identity: &Identity, alpn: &[&str], clients: Option<&Authority>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("the default versions suit the provider");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let roots = Arc::new(roots(authority));
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let (chain, key) = load(identity);
    let mut config = builder.with_single_cert(chain, key).expect("a certificate with its key");
    config.alpn_protocols = protocols(alpn);
    Arc::new(config)
}

/// Connects and shakes hands.
///
/// # Errors
/// When nobody accepts or the handshake fails. A server that refuses the certificate of its client under TLS 1.3 says
/// so after the handshake: then the first reading fails.
pub async fn connect(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// The certificate that a server shows to who asks for `name`.
///
/// # Errors
/// As [`connect`].
pub async fn shown(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> io::Result<CertificateDer<'static>> {
    let stream = connect(address, name, config).await?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    leaf.map(|leaf| leaf.clone().into_owned()).ok_or_else(|| io::Error::other("the server showed no certificate"))
}

// === impl Client ===

impl Client {
    /// Trusts what `authority` issued.
    pub fn trusting(authority: &Authority) -> Self {
        Self { roots: roots(authority), alpn: Vec::new(), identity: None, versions: rustls::DEFAULT_VERSIONS.to_vec() }
    }

    /// Offers these application protocols, best first.
    #[must_use]
    pub fn alpn(mut self, names: &[&str]) -> Self {
        self.alpn = protocols(names);
        self
    }

    /// Shows a certificate when it is asked for one.
    ///
    /// # Panics
    /// When the files are not what they should be.
    #[must_use]
    pub fn identity(mut self, identity: &Identity) -> Self {
        self.identity = Some(load(identity));
        self
    }

    /// Speaks only these versions of TLS, such as `&[&rustls::version::TLS12]`.
    #[must_use]
    pub fn versions(mut self, versions: &[&'static SupportedProtocolVersion]) -> Self {
        self.versions = versions.to_vec();
        self
    }

    /// The settings. Each has tickets of its own, so that connections of two settings never resume each other.
    ///
    /// # Panics
    /// When certificate and key do not fit.
    pub fn build(self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&self.versions);
        let builder = builder.expect("the versions suit the provider").with_root_certificates(self.roots);
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).expect("a certificate with its key"),
        };
        config.alpn_protocols = self.alpn;
        Arc::new(config)
    }
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).expect("the authority's certificate");
    roots
}

fn load(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_file(&identity.cert).expect("a certificate in PEM");
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key in PEM");
    (vec![certificate], key)
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

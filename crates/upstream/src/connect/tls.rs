//! TLS towards endpoints.

use std::{path::Path, sync::Arc};

use fetch::tls::{TlsError, client_config, server_name};
use message::{Cause, Error, Result};
use model::{EndpointAddress, Protocol, UpstreamTls};
use rustls::pki_types::ServerName;
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

// === impl Handshake ===

impl Handshake {
    pub(super) fn new(tls: &UpstreamTls, protocol: Protocol) -> Result<Self, TlsError> {
        let source = Source::read(tls)?;
        let alpn: &[&[u8]] = match protocol {
            Protocol::Http1 => &[b"http/1.1"],
            Protocol::H2 | Protocol::H2c => &[b"h2"],
            Protocol::Auto => &[b"h2", b"http/1.1"],
        };
        let config = client_config(tls, alpn)?;
        let server_name = tls.server_name.as_deref().map(server_name).transpose()?;
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

    pub(super) fn certificate(&self) -> Option<(&Path, &[u8])> {
        let path = &self.tls.client_certificate.as_ref()?.cert;
        // As they are read: the roots, the certificate, its key.
        let index = usize::from(self.tls.ca.is_some());
        Some((path, self.files.get(index)?))
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

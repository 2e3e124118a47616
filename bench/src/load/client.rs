//! One exchange after the other, over the protocol of the case.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs::{self, cipher_suite::TLS13_AES_256_GCM_SHA384, kx_group::X25519},
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Args, Protocol, http1, http2};
use crate::Failure;

/// One lane: one request at a time.
pub(super) enum Client {
    Http1(http1::Lane),
    Http2(http2::Lane),
}

/// What came back, read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub body_bytes: u64,
}

/// How lanes get their connections.
pub(super) struct Connector {
    pub target: SocketAddr,
    pub protocol: Protocol,
    pub tail: String,
    streams: usize,
    tls: Option<TlsConnector>,
}

/// A connection, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

// === impl Client ===

impl Client {
    /// Sends a request for the route `index` and reads all of the answer; a broken connection is made anew by the next.
    pub(super) async fn exchange(&mut self, index: u32) -> Result<Answer, Failure> {
        match self {
            Self::Http1(lane) => lane.exchange(index).await,
            Self::Http2(lane) => lane.exchange(index).await,
        }
    }
}

// === impl Connector ===

impl Connector {
    pub(super) fn new(args: &Args) -> Result<Self, Failure> {
        let tls = match (args.protocol, &args.ca) {
            (Protocol::Tls, Some(ca)) => Some(one_cipher(CertificateDer::from_pem_file(ca)?)?),
            (Protocol::Tls, None) => return Err("TLS needs a certificate to trust: --ca FILE".into()),
            _ => None,
        };
        let (target, protocol, tail, streams) = (args.target, args.protocol, args.tail.clone(), args.streams);
        Ok(Self { target, protocol, tail, streams, tls })
    }

    /// One connection, with as many lanes as it has streams.
    pub(super) async fn open(self: &Rc<Self>) -> Result<Vec<Client>, Failure> {
        Ok(match self.protocol {
            Protocol::Http1 | Protocol::Tls => {
                let mut lane = http1::Lane::new(Rc::clone(self));
                lane.connect().await?;
                vec![Client::Http1(lane)]
            }
            Protocol::H2c | Protocol::Grpc => {
                let first = http2::Lane::connect(Rc::clone(self)).await?;
                (0..self.streams).map(|_| Client::Http2(first.clone())).collect()
            }
        })
    }

    pub(super) async fn wire(&self) -> Result<Box<dyn Wire>, Failure> {
        let stream = TcpStream::connect(self.target).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost")?, stream).await?),
        })
    }
}

/// TLS 1.3 with one cipher and one group: no peer gets to choose a cheaper one.
fn one_cipher(trusted: CertificateDer<'static>) -> Result<TlsConnector, Failure> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![TLS13_AES_256_GCM_SHA384];
    provider.kx_groups = vec![X25519];
    let mut roots = RootCertStore::empty();
    roots.add(trusted)?;
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

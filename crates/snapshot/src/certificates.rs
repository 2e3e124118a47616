//! The certificates that the gateway shows, in words. Their keys are nobody's business.

use std::{
    collections::BTreeMap,
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::Snapshot;

/// What is known of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Certificate {
    not_after: SystemTime,
    not_before: SystemTime,
    file: PathBuf,
    subject: String,
    issuer: String,
    serial: String,
    sha256: String,
    /// In the DNS, in lower case.
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

/// A certificate that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateTold {
    /// What it was read from.
    pub file: String,
    pub subject: String,
    pub issuer: String,
    /// In hexadecimal digits.
    pub serial: String,
    /// Of all of it, as `openssl x509 -fingerprint -sha256` tells it, in lower case and without colons.
    pub sha256: String,
    /// What it is for: names, and addresses.
    pub names: Vec<String>,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// It is over.
    pub expired: bool,
    /// Who shows it.
    pub used_by: Vec<UsedBy>,
}

/// Who shows a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UsedBy {
    /// A listener, to clients; `default`: also to those who ask for no name, or for none that a certificate holds.
    Listener { name: String, default: bool },
    /// An upstream, to its endpoints.
    Upstream { name: String },
}

/// Those of listeners, and those that upstreams show; the one that ends first is in front.
pub fn certificates(snapshot: &Snapshot, now: SystemTime) -> Vec<CertificateTold> {
    let mut used: BTreeMap<Certificate, Vec<UsedBy>> = BTreeMap::new();
    for listener in &snapshot.listeners {
        for (index, certificate) in listener.certificates.iter().enumerate() {
            let user = UsedBy::Listener { name: listener.name.to_string(), default: index == 0 };
            used.entry(certificate.clone()).or_default().push(user);
        }
    }
    for upstream in &snapshot.upstreams {
        let shown = upstream.rules.connector.certificate();
        // It was good when the connector was made of it.
        if let Some(Ok(certificate)) = shown.map(|(file, pem)| Certificate::in_file(file, pem)) {
            used.entry(certificate).or_default().push(UsedBy::Upstream { name: upstream.name.to_string() });
        }
    }
    used.into_iter().map(|(certificate, used_by)| certificate.told(used_by, now)).collect()
}

// === impl Certificate ===

impl Certificate {
    /// # Errors
    /// It is none.
    pub(crate) fn read(file: &Path, leaf: &[u8]) -> Result<Self, String> {
        let wrong = |error: &dyn Display| format!("{}: {error}", file.display());
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|error| wrong(&error))?;
        let alternatives = parsed.subject_alternative_name().map_err(|error| wrong(&error))?;
        let (mut names, mut addresses) = (Vec::new(), Vec::new());
        for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                GeneralName::IPAddress(octets) => addresses.extend(address(octets)),
                _ => {}
            }
        }
        Ok(Self {
            not_after: time(parsed.validity().not_after.timestamp()),
            not_before: time(parsed.validity().not_before.timestamp()),
            file: file.to_owned(),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            serial: hex(parsed.raw_serial()),
            sha256: hex(digest(&SHA256, leaf).as_ref()),
            names,
            addresses,
        })
    }

    /// The first one of a file in PEM.
    fn in_file(file: &Path, pem: &[u8]) -> Result<Self, String> {
        let leaf = CertificateDer::from_pem_slice(pem).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::read(file, &leaf)
    }

    /// In the DNS, in lower case.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    fn told(self, used_by: Vec<UsedBy>, now: SystemTime) -> CertificateTold {
        let addresses = self.addresses.iter().map(ToString::to_string);
        CertificateTold {
            file: self.file.display().to_string(),
            subject: self.subject,
            issuer: self.issuer,
            serial: self.serial,
            sha256: self.sha256,
            names: self.names.into_iter().chain(addresses).collect(),
            not_before: telemetry::rfc3339(self.not_before),
            not_after: telemetry::rfc3339(self.not_after),
            expired: now > self.not_after,
            used_by,
        }
    }
}

/// Four octets or sixteen (RFC 5280, 4.2.1.6).
fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(octets).ok().map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).into());
    v4().or_else(v6)
}

/// Seconds since 1970; what is before that is over in any case.
fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

//! Logs of exchanges.

use std::{ops::RangeInclusive, path::PathBuf, sync::Arc, time::Duration};

use http::HeaderName;

use super::{Otlp, UpstreamTls};
use crate::values::{HttpUrl, LogField, SecretSource, SyslogAddress};

/// A log of exchanges. Equal ones are the same log.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLog {
    /// What metrics and messages call it; no other log has it.
    pub name: Arc<str>,
    pub sink: LogSink,
    pub format: LogFormat,
    /// The part of the exchanges that get a line, from 0 to 1.
    pub sample: f64,
    /// Statuses that get a line; empty: all.
    pub status: Vec<RangeInclusive<u16>>,
    /// Names of parameters and header fields whose values are secret, in lower case, beside those that are known to be.
    pub redact: Vec<Arc<str>>,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSink {
    Stdout,
    /// Appended to.
    File {
        path: PathBuf,
        rotate: Option<Rotate>,
    },
    Syslog(Syslog),
    Http(HttpLog),
    Otlp(OtlpLog),
}

/// How a line is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFormat {
    Json(Vec<LogItem>),
    Logfmt(Vec<LogItem>),
    Template(Vec<LogPart>),
    /// A log record of OTLP.
    Otlp(Vec<LogItem>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogItem {
    Field(LogField),
    RequestHeader(HeaderName),
    ResponseHeader(HeaderName),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPart {
    Literal(Arc<str>),
    Item(LogItem),
}

/// When a file is moved away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotate {
    pub size: Option<u64>,
    pub age: Option<Duration>,
    /// How many are kept beside the one that is written.
    pub keep: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syslog {
    pub address: SyslogAddress,
    /// As its number.
    pub facility: u8,
    pub app_name: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLog {
    /// With the path that batches are sent to.
    pub url: HttpUrl,
    pub shape: LogShape,
    pub headers: Vec<(HeaderName, SecretSource)>,
    pub tls: UpstreamTls,
    pub batch: Batch,
}

/// What a batch looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogShape {
    JsonLines,
    Loki {
        /// Sorted by name.
        labels: Vec<(Arc<str>, Arc<str>)>,
    },
    Elasticsearch {
        /// `None`: that of the path.
        index: Option<Arc<str>>,
    },
}

/// A collector of OpenTelemetry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpLog {
    pub collector: Otlp,
    pub service_name: Arc<str>,
    /// Records that wait, in bytes.
    pub queue: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    pub bytes: u32,
    pub age: Duration,
    pub queue: u32,
    pub timeout: Duration,
    pub retry: Duration,
}

// === defaults ===

impl AccessLog {
    /// With what goes without saying.
    pub fn to(name: &str, sink: LogSink) -> Self {
        let items = LogField::USUAL.iter().copied().map(LogItem::Field).collect();
        Self {
            name: name.into(),
            sink,
            format: LogFormat::Json(items),
            sample: 1.0,
            status: Vec::new(),
            redact: Vec::new(),
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            age: Duration::from_secs(1),
            queue: 4 << 20,
            timeout: Duration::from_secs(10),
            retry: Duration::from_secs(60),
        }
    }
}

impl Default for Rotate {
    fn default() -> Self {
        Self { size: None, age: None, keep: 7 }
    }
}

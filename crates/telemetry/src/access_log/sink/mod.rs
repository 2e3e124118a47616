//! What the writer thread writes to.

mod datagram;
pub(super) mod file;
mod frame;
mod http;
mod shape;
mod stream;

use std::{io, time::Instant};

use fetch::secret;
use message::Random;
use model::{EndpointAddress, LogSink, values::SyslogAddress};
use otlp::{Envelope, Kind, Scope};

use super::shared::Shared;

/// Takes lines; may block. Counts what becomes of each.
pub(super) trait Sink: Send {
    /// Takes whole lines, so many.
    fn write(&mut self, bytes: &[u8], lines: u64, shared: &Shared);

    /// When it wants to be told to [`flush`](Self::flush), if it holds lines back.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Lets go of lines that it holds back.
    fn flush(&mut self, _: &Shared) {}

    /// Begins anew where somebody may have moved the old file away.
    fn reopen(&mut self, _: &Shared) {}
}

/// Where lines go.
pub(super) enum Target {
    Sink(Box<dyn Sink>),
    /// Takes records, and has an exporter of its own.
    Collector(Box<otlp::Client>, Envelope),
}

/// `random` is for what must not happen everywhere at once.
pub(super) fn open(sink: &LogSink, random: Random) -> io::Result<Target> {
    Ok(Target::Sink(match sink {
        LogSink::Stdout => Box::new(file::FileSink::stdout()?),
        LogSink::File { path, rotate } => Box::new(file::FileSink::open(path, *rotate)?),
        LogSink::Syslog(syslog) => match &syslog.address {
            SyslogAddress::Udp(address) => Box::new(datagram::DatagramSink::new(address.clone(), random)),
            SyslogAddress::Tcp(address) => Box::new(stream::StreamSink::new(address.clone(), random)),
            SyslogAddress::Unix(address) => unix(address, random),
        },
        LogSink::Http(settings) => Box::new(http::HttpSink::new(settings, random)?),
        LogSink::Otlp(settings) => {
            let client = otlp::Client::new(&settings.collector).map_err(io::Error::other)?;
            let resource = [("service.name".to_owned(), settings.service_name.to_string())];
            let envelope =
                Envelope::new(Kind::Logs, &resource, Scope { name: "sluice.access", version: "", schema_url: "" });
            return Ok(Target::Collector(Box::new(client), envelope));
        }
    }))
}

/// What it reads from elsewhere when it is opened, so that a log is opened anew when a token or certificate was replaced.
pub(super) fn fingerprint_of_files(sink: &LogSink) -> u64 {
    match sink {
        LogSink::Stdout | LogSink::File { .. } | LogSink::Syslog(_) => 0,
        LogSink::Http(http) => secret::fingerprint(&http.headers, &http.tls),
        LogSink::Otlp(otlp) => otlp::Client::fingerprint_of_files(&otlp.collector),
    }
}

/// Where it goes, for people.
pub(super) fn told(sink: &LogSink) -> String {
    match sink {
        LogSink::Stdout => "standard output".to_owned(),
        LogSink::File { path, .. } => path.display().to_string(),
        LogSink::Syslog(syslog) => syslog.address.to_string(),
        LogSink::Http(http) => http.url.to_string(),
        LogSink::Otlp(otlp) => otlp.collector.endpoint.to_string(),
    }
}

/// Sockets of syslog servers are of datagrams, all but a few.
fn unix(address: &EndpointAddress, random: Random) -> Box<dyn Sink> {
    match address {
        EndpointAddress::Unix(path) if stream::is_stream(path) => {
            Box::new(stream::StreamSink::new(address.clone(), random))
        }
        _ => Box::new(datagram::DatagramSink::new(address.clone(), random)),
    }
}

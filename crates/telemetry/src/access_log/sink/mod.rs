//! What the writer thread writes to.

mod datagram;
pub(super) mod file;
mod frame;
mod http;
mod shape;
mod stream;

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    time::Instant,
};

use fetch::secret;
use message::Random;
use model::{AccessLog, EndpointAddress, LogSink, values::SyslogAddress};

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

/// `random` is for what must not happen everywhere at once.
pub(super) fn open(log: &AccessLog, random: Random) -> io::Result<Box<dyn Sink>> {
    Ok(match &log.sink {
        LogSink::Stdout => Box::new(file::FileSink::stdout()?),
        LogSink::File { path, rotate } => Box::new(file::FileSink::open(path, *rotate)?),
        LogSink::Syslog(syslog) => match &syslog.address {
            SyslogAddress::Udp(address) => Box::new(datagram::DatagramSink::new(address.clone(), random)),
            SyslogAddress::Tcp(address) => Box::new(stream::StreamSink::new(address.clone(), random)),
            SyslogAddress::Unix(address) => unix(address, random),
        },
        LogSink::Http(settings) => Box::new(http::HttpSink::new(settings, random)?),
    })
}

/// What it reads from elsewhere when it is opened, so that a log is opened anew when a token or certificate was replaced.
pub(super) fn fingerprint_of_files(sink: &LogSink) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let LogSink::Http(http) = sink {
        for (_, source) in &http.headers {
            secret::read(source, 1).map(|secret| secret.expose().to_owned()).ok().hash(&mut hasher);
        }
        let identity = http.tls.client_certificate.iter().flat_map(|files| [&files.cert, &files.key]);
        http.tls.ca.iter().chain(identity).for_each(|path| fs::read(path).ok().hash(&mut hasher));
    }
    hasher.finish()
}

/// Where it goes, for people.
pub(super) fn told(sink: &LogSink) -> String {
    match sink {
        LogSink::Stdout => "standard output".to_owned(),
        LogSink::File { path, .. } => path.display().to_string(),
        LogSink::Syslog(syslog) => syslog.address.to_string(),
        LogSink::Http(http) => http.url.to_string(),
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

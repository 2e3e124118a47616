//! Whom to ask, under which names.

use std::{collections::HashMap, fs, net::IpAddr, time::Duration};

use futures_util::future::join_all;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    lookup::Lookup,
    net::{DnsError, NetError, NoRecords, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
    system_conf::read_system_conf,
};
use model::{Dns, DnsService};
use tokio::time::Instant;
use upstream::discovery::{Failure, FailureKind};

use super::{
    Asked,
    found::{Addresses, Found, Targets},
};

/// Asks the name servers of a document, or those of the operating system.
pub(super) struct Asker {
    servers: Vec<std::net::SocketAddr>,
    resolver: Option<Resolver>,
    /// What names had, for questions that fail while others do not.
    known: Known,
}

/// The last answer to each question.
pub(super) type Known = HashMap<(Name, RecordType), Vec<IpAddr>>;

struct Resolver {
    resolver: TokioResolver,
    /// What may be meant by a name that is none of a whole path: for names with fewer than `dots` dots before the name itself,
    /// for others after it.
    search: Vec<Name>,
    dots: usize,
    /// What it was made of.
    system: Option<System>,
}

/// The files in which operating systems say whom to ask.
#[derive(PartialEq, Eq)]
struct System([Option<Vec<u8>>; 2]);

/// What one question came to.
enum Reply {
    Records(Lookup),
    /// The name does not exist, or has no such record. How long that may be believed.
    Absent(Option<Duration>),
}

/// What all servers together may take for one question. Who uses the system's own says how long there.
const PATIENCE: Duration = Duration::from_secs(2);

// === impl Asker ===

impl Asker {
    pub(super) fn new(settings: &Dns) -> Self {
        Self { servers: settings.servers.clone(), resolver: None, known: Known::new() }
    }

    /// Forgets what names had.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// What there is under the first candidate that exists; nothing, if none does.
    ///
    /// The candidates are ours and not the resolver's: it would go on to the next after one that cannot be told, and would take
    /// the last one's absence for that of the whole.
    pub(super) async fn ask(&mut self, service: &DnsService) -> Asked<Found> {
        let resolver = self.resolver()?;
        let candidates = resolver.candidates(name_of(service))?;
        let resolver = resolver.resolver.clone();
        let mut absent = Found::default();
        for candidate in candidates {
            let found = match service {
                DnsService::Host { port, .. } => {
                    addresses(&resolver, &candidate, &mut self.known).await?.into_found(*port)
                }
                DnsService::Srv { .. } => services(&resolver, &candidate, &mut self.known).await?,
            };
            if found.exists {
                return Ok(found);
            }
            absent.lasts = absent.lasts.into_iter().chain(found.lasts).min();
        }
        Ok(absent)
    }

    /// The resolver for what the system says now. One is kept for as long as that stays the same: it knows which servers
    /// answer.
    fn resolver(&mut self) -> Asked<&Resolver> {
        let system = self.servers.is_empty().then(System::read);
        match self.resolver.take() {
            Some(resolver) if resolver.system == system => Ok(self.resolver.insert(resolver)),
            _ => Ok(self.resolver.insert(Resolver::new(&self.servers, system)?)),
        }
    }
}

// === impl Resolver ===

impl Resolver {
    fn new(servers: &[std::net::SocketAddr], system: Option<System>) -> Asked<Self> {
        let (config, mut options) = if servers.is_empty() {
            let unreadable = |error| Failure::new(FailureKind::Unreachable, format!("the system's resolver: {error}"));
            read_system_conf().map_err(unreadable)?
        } else {
            let config = ResolverConfig::from_name_servers(servers.iter().map(|server| name_server(*server)).collect());
            let mut options = ResolverOpts::default();
            (options.timeout, options.attempts) = (PATIENCE, 1);
            options.use_hosts_file = ResolveHosts::Never;
            (config, options)
        };
        // Answers are kept here, where it is known until when.
        options.cache_size = 0;
        // Whoever forges an answer has to guess more than a port and a number.
        options.case_randomization = true;
        let dots = options.ndots;
        let search = config.domain().into_iter().chain(config.search()).cloned().collect();
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let resolver = builder.build().map_err(|error| failure("the resolver", &error))?;
        Ok(Self { resolver, search, dots, system })
    }

    /// What may be meant by a name, likeliest first (resolv.conf(5)).
    fn candidates(&self, name: &str) -> Asked<Vec<Name>> {
        let bad = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Malformed, format!("{name}: {error}"));
        let written = Name::from_str_relaxed(name).map_err(|error| bad(&error))?;
        let mut itself = written.clone();
        itself.set_fqdn(true);
        if written.is_fqdn() || self.search.is_empty() {
            return Ok(vec![itself]);
        }
        let is_first = usize::from(written.num_labels()) > self.dots;
        // One that becomes too long is left out.
        let mut names: Vec<Name> =
            self.search.iter().filter_map(|domain| written.clone().append_domain(domain).ok()).collect();
        names.insert(if is_first { 0 } else { names.len() }, itself);
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(names)
    }
}

// === impl System ===

impl System {
    fn read() -> Self {
        Self(["/etc/resolv.conf", "/etc/hosts"].map(|path| fs::read(path).ok()))
    }
}

/// The addresses of one name, of both families.
async fn addresses(resolver: &TokioResolver, name: &Name, known: &mut Known) -> Asked<Addresses> {
    let (four, six) = tokio::join!(ask(resolver, name, RecordType::A), ask(resolver, name, RecordType::AAAA));
    Addresses::of(name, [(RecordType::A, four.map(read)), (RecordType::AAAA, six.map(read))], known)
}

/// What the SRV records of one name come to.
async fn services(resolver: &TokioResolver, name: &Name, known: &mut Known) -> Asked<Found> {
    let lookup = match ask(resolver, name, RecordType::SRV).await? {
        Reply::Absent(lasts) => return Ok(Found { lasts, ..Found::default() }),
        Reply::Records(lookup) => lookup,
    };
    let lasts = lasts(&lookup);
    let mut targets = Targets::of(&lookup, known);
    let asked = targets.unresolved().into_iter().map(|target| async move {
        let (four, six) = tokio::join!(ask(resolver, &target, RecordType::A), ask(resolver, &target, RecordType::AAAA));
        (target, [(RecordType::A, four.map(read)), (RecordType::AAAA, six.map(read))])
    });
    for (target, replies) in join_all(asked).await {
        let addresses = Addresses::of(&target, replies, known);
        targets.resolve(&target, addresses.or_else(|failure| Addresses::before(&target, failure, known)));
    }
    known.retain(|(name, _), _| targets.contains(name));
    targets.into_found(lasts)
}

/// One question, of which there is one candidate only.
async fn ask(resolver: &TokioResolver, name: &Name, kind: RecordType) -> Asked<Reply> {
    match resolver.lookup(name.clone(), kind).await {
        Ok(lookup) => Ok(Reply::Records(lookup)),
        Err(NetError::Dns(DnsError::NoRecordsFound(NoRecords { negative_ttl, .. }))) => {
            Ok(Reply::Absent(negative_ttl.map(|seconds| Duration::from_secs(seconds.into()))))
        }
        Err(error) => Err(failure(&format!("{kind} of {name}"), &error)),
    }
}

/// The addresses of a reply, and how long they may be kept.
fn read(reply: Reply) -> (Vec<IpAddr>, Option<Duration>) {
    match reply {
        Reply::Absent(lasts) => (Vec::new(), lasts),
        Reply::Records(lookup) => {
            let addresses = lookup.answers().iter().filter_map(|record| address(&record.data)).collect();
            (addresses, Some(lasts(&lookup)))
        }
    }
}

pub(super) fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}

fn lasts(lookup: &Lookup) -> Duration {
    lookup.valid_until().saturating_duration_since(Instant::now().into_std())
}

fn name_server(server: std::net::SocketAddr) -> NameServerConfig {
    let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}

pub(super) fn name_of(service: &DnsService) -> &str {
    match service {
        DnsService::Host { name, .. } | DnsService::Srv { name } => name,
    }
}

fn failure(what: &str, error: &NetError) -> Failure {
    let kind = match error {
        NetError::Dns(_) | NetError::Busy => FailureKind::Refused,
        NetError::Io(_) | NetError::NoConnections | NetError::Timeout => FailureKind::Unreachable,
        _ => FailureKind::Malformed,
    };
    Failure::new(kind, format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use testkit::dns::{Fault, NameServer, Record};

    use super::*;

    fn resolver(server: &NameServer, search: &[&str]) -> Resolver {
        let search = search.iter().map(|domain| Name::from_ascii(domain).unwrap()).collect();
        Resolver { search, ..Resolver::new(&[server.address], None).unwrap() }
    }

    #[tokio::test]
    async fn candidates_are_those_of_resolvers() {
        let server = NameServer::start().await;
        let names = |search: &[&str], name: &str| {
            let names = resolver(&server, search).candidates(name).unwrap();
            names.iter().map(Name::to_ascii).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&[], "orders"), "orders.");
        assert_eq!(names(&["shop.test.", "test."], "orders"), "orders.shop.test. orders.test. orders.");
        assert_eq!(names(&["shop.test.", "test."], "orders.eu"), "orders.eu. orders.eu.shop.test. orders.eu.test.");
        assert_eq!(names(&["shop.test.", "shop.test."], "orders."), "orders.");
    }

    /// A resolver asks for the next candidate when one fails, and takes its absence for that of the name. Believed, that would
    /// empty a service whose name server has a bad minute.
    #[tokio::test]
    async fn a_candidate_that_cannot_be_told_is_no_absence() {
        let server = NameServer::start().await;
        server.set("orders.shop.test", 60, &[Record::Address([10, 0, 0, 1].into())]);
        let mut asker = Asker::new(&Dns {
            servers: vec![server.address],
            min_ttl: Duration::ZERO,
            stale: Duration::from_secs(3600),
        });
        asker.resolver = Some(resolver(&server, &["shop.test."]));
        let service = DnsService::Host { name: "orders".into(), port: 80 };
        assert_eq!(asker.ask(&service).await.ok().unwrap().answer.instances.len(), 1);

        server.fault(Fault::FailsForName("orders.shop.test"));
        let failure = asker.ask(&service).await.err().unwrap();
        assert_eq!(failure.kind, FailureKind::Refused, "{failure}");

        server.fault(Fault::Nothing);
        server.remove("orders.shop.test");
        assert!(asker.ask(&service).await.ok().unwrap().answer.instances.is_empty());
    }
}

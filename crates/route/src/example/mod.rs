//! Requests that a route takes, or that several routes would take at once: to show what is meant, and to try it.

mod fields;
mod paths;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderValue, Method, header};
use ipnet::IpNet;
use model::{HostPattern, ListenerId, Route, values::Moment};

use self::fields::Field;
use crate::{Ask, Precedence};

pub(crate) use paths::of as paths;

/// A request that owns what an [`Ask`] borrows. It is in canonical form, and every field stands in it once.
///
/// Shown, it is a command line without its command: `GET http://api.example.com/users/a -H 'x-canary: 1'`.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// `None`: whichever.
    pub listener: Option<ListenerId>,
    /// Lower case, without port.
    pub host: String,
    pub path: String,
    pub query: Option<String>,
    pub method: Method,
    pub headers: HeaderMap,
    /// `None`: whoever.
    pub client_ip: Option<IpAddr>,
    /// The name of the TLS handshake; `None`: whichever, or none.
    pub sni: Option<String>,
    /// `None`: whenever.
    pub at: Option<SystemTime>,
}

/// More candidates than this are not looked at: a list of hosts or networks may be long.
const MOST: usize = 64;

/// Of whom nothing is known (RFC 5737).
const ANYBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// When nothing is known of the time.
const SOME_TIME: SystemTime = UNIX_EPOCH;

/// Requests that every one of `routes` matches: the plainest first, then others with another path, another host, another
/// method.
///
/// All are asked for before they are handed out. That there is none proves nothing: some regexes have matches that are
/// not found, and a request that gives a field twice is not thought of.
pub fn examples<'r>(routes: &'r [&'r Route]) -> impl Iterator<Item = Example> + 'r {
    Choices::of(routes).into_iter().flat_map(Choices::combine).filter(|example| example.is_of(routes))
}

/// What an example may be made of. The first of each goes with the first of the others.
struct Choices {
    listener: Option<ListenerId>,
    hosts: Vec<String>,
    paths: Vec<String>,
    query: Option<String>,
    methods: Vec<Method>,
    headers: HeaderMap,
    client_ip: Option<IpAddr>,
    sni: Option<String>,
    at: Option<SystemTime>,
}

// === impl Example ===

impl Example {
    /// The plainest request that `route` matches.
    pub fn of(route: &Route) -> Option<Self> {
        examples(&[route]).next()
    }

    /// When it is sent.
    pub fn now(&self) -> SystemTime {
        self.at.unwrap_or(SOME_TIME)
    }

    /// `now` is [`Example::now`].
    pub fn ask<'a>(&'a self, now: &'a dyn Fn() -> SystemTime) -> Ask<'a> {
        Ask {
            listener: self.listener.unwrap_or(ListenerId(0)),
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            method: &self.method,
            headers: &self.headers,
            client_ip: self.client_ip.unwrap_or(ANYBODY),
            scheme: self.scheme(),
            sni: self.sni.as_deref(),
            now,
        }
    }

    /// A name of the handshake takes one.
    fn scheme(&self) -> &'static str {
        if self.sni.is_some() { "https" } else { "http" }
    }

    fn is_of(&self, routes: &[&Route]) -> bool {
        let now = || self.now();
        routes.iter().all(|route| Precedence::claim(route, 0, &self.ask(&now)).is_some())
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let scheme = self.scheme();
        write!(f, "{} {}", self.method, Word(&format!("{scheme}://{}{}{query}", self.host, self.path)))?;
        for (name, value) in &self.headers {
            write!(f, " -H {}", Word(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))))?;
        }
        if let Some(address) = self.client_ip {
            write!(f, " --client-ip {address}")?;
        }
        if let Some(name) = self.sni.as_ref().filter(|name| **name != self.host) {
            write!(f, " --sni {}", Word(name))?;
        }
        match self.at {
            Some(at) => write!(f, " --at {}", Moment(at)),
            None => Ok(()),
        }
    }
}

/// One word of a command line, in quotes where a shell would take it apart.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=,".contains(letter);
        if self.0.chars().all(is_plain) {
            f.write_str(self.0)
        } else {
            write!(f, "'{}'", self.0.replace('\'', r"'\''"))
        }
    }
}

// === impl Choices ===

impl Choices {
    /// `None` if some part has no choice.
    fn of(routes: &[&Route]) -> Option<Self> {
        let (query, headers) = (query(routes)?, headers(routes)?);
        let (listener, methods, client_ip) = (listener(routes)?, methods(routes)?, client_ip(routes)?);
        let patterns: Vec<_> = routes.iter().filter_map(|route| route.matching.path.as_ref()).collect();
        let (sni, at) = (sni(routes)?, at(routes)?);
        let (hosts, paths) = (hosts(routes), paths::of(&patterns));
        (!hosts.is_empty() && !paths.is_empty()).then_some(Self {
            listener,
            hosts,
            paths,
            query,
            methods,
            headers,
            client_ip,
            sni,
            at,
        })
    }

    /// The first of everything, then each of the others with the first of the rest.
    fn combine(self) -> impl Iterator<Item = Example> {
        let others = |length: usize| 1..length;
        let by_path = (0..self.paths.len()).map(|path| (path, 0, 0));
        let by_host = others(self.hosts.len()).map(|host| (0, host, 0));
        let by_method = others(self.methods.len()).map(|method| (0, 0, method));
        by_path.chain(by_host).chain(by_method).map(move |(path, host, method)| Example {
            listener: self.listener,
            host: self.hosts[host].clone(),
            path: self.paths[path].clone(),
            query: self.query.clone(),
            method: self.methods[method].clone(),
            headers: self.headers.clone(),
            client_ip: self.client_ip,
            sni: self.sni.clone(),
            at: self.at,
        })
    }
}

/// What is in all of those lists that are not empty: an empty one asks for nothing. `None` if the lists have nothing in
/// common.
fn common<T: Clone + PartialEq>(lists: &[&[T]], otherwise: impl FnOnce() -> Vec<T>) -> Option<Vec<T>> {
    let given: Vec<_> = lists.iter().filter(|list| !list.is_empty()).collect();
    let Some((first, others)) = given.split_first() else { return Some(otherwise()) };
    let common = first.iter().filter(|item| others.iter().all(|list| list.contains(item))).take(MOST).cloned();
    Some(common.collect::<Vec<_>>()).filter(|common| !common.is_empty())
}

fn listener(routes: &[&Route]) -> Option<Option<ListenerId>> {
    let lists: Vec<_> = routes.iter().map(|route| route.listeners.as_slice()).collect();
    common(&lists, Vec::new).map(|common| common.first().copied())
}

fn methods(routes: &[&Route]) -> Option<Vec<Method>> {
    let lists: Vec<_> = routes.iter().map(|route| route.matching.methods.as_slice()).collect();
    common(&lists, || vec![Method::GET, Method::POST])
}

fn client_ip(routes: &[&Route]) -> Option<Option<IpAddr>> {
    let lists: Vec<_> = routes.iter().map(|route| &route.matching.client_ip).filter(|list| !list.is_empty()).collect();
    if lists.is_empty() {
        return Some(None);
    }
    let is_in_all = |address: &IpAddr| lists.iter().all(|list| list.iter().any(|network| network.contains(address)));
    let networks = lists.iter().flat_map(|list| list.iter().take(MOST));
    [ANYBODY].into_iter().chain(networks.map(inhabitant)).find(is_in_all).map(Some)
}

/// The first address of a network that a host may have.
fn inhabitant(network: &IpNet) -> IpAddr {
    network.hosts().next().unwrap_or(network.addr())
}

/// A name of the handshake that all of them ask for.
fn sni(routes: &[&Route]) -> Option<Option<String>> {
    let lists: Vec<_> = routes.iter().map(|route| &route.matching.sni).filter(|list| !list.is_empty()).collect();
    if lists.is_empty() {
        return Some(None);
    }
    let is_in_all = |name: &String| lists.iter().all(|list| list.iter().any(|pattern| pattern.matches(name)));
    lists.iter().flat_map(|list| list.iter().take(MOST)).map(meant).find(is_in_all).map(Some)
}

/// A time at which all of them hold: the begin of a window, or some hour of the week after it, or when weekly hours begin.
fn at(routes: &[&Route]) -> Option<Option<SystemTime>> {
    const HOUR: Duration = Duration::from_secs(3600);
    let windows: Vec<_> = routes.iter().filter_map(|route| route.matching.time).collect();
    if windows.is_empty() {
        return Some(None);
    }
    let begin = windows.iter().filter_map(|window| window.after).max().unwrap_or(SOME_TIME);
    let midnight = begin - Duration::from_secs(begin.duration_since(UNIX_EPOCH).ok()?.as_secs() % (24 * 3600));
    let begins = windows.iter().filter_map(|window| window.weekly).flat_map(|weekly| {
        // The clock may be ahead, so the day before is looked at as well.
        let minute = 24 * 60 + i64::from(weekly.from) - i64::from(weekly.offset);
        let minute = u64::try_from(minute).unwrap_or_default() % (24 * 60);
        (0..=8).map(move |day| midnight + Duration::from_secs((day * 24 * 60 + minute) * 60))
    });
    let hours = (0..=7 * 24).map(|hour| begin + HOUR * hour);
    hours.chain(begins).find(|at| windows.iter().all(|window| window.holds(*at))).map(Some)
}

fn hosts(routes: &[&Route]) -> Vec<String> {
    let lists: Vec<_> = routes.iter().map(|route| &route.matching.hosts).filter(|list| !list.is_empty()).collect();
    if lists.is_empty() {
        return vec!["example.com".to_owned(), "www.example.org".to_owned()];
    }
    let is_in_all = |host: &String| lists.iter().all(|list| list.iter().any(|pattern| pattern.matches(host)));
    lists.iter().flat_map(|list| list.iter().take(MOST)).map(meant).filter(is_in_all).collect()
}

fn meant(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Exact(host) => host.to_string(),
        HostPattern::Suffix(suffix) => format!("a.{suffix}"),
    }
}

fn headers(routes: &[&Route]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let matchers = routes.iter().flat_map(|route| &route.matching.headers);
    for Field { name, value } in fields::of(matchers.map(|matcher| (&matcher.name, &matcher.value)))? {
        // What these hold is not for an example to say.
        if name == header::HOST || name == header::COOKIE {
            return None;
        }
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    let matchers = routes.iter().flat_map(|route| &route.matching.cookies);
    let cookies = fields::of(matchers.map(|matcher| (&matcher.name, &matcher.value)))?;
    let pairs: Vec<_> = cookies.iter().map(|Field { name, value }| format!("{name}={value}")).collect();
    if !pairs.is_empty() {
        headers.insert(header::COOKIE, HeaderValue::from_bytes(pairs.join("; ").as_bytes()).ok()?);
    }
    Some(headers)
}

fn query(routes: &[&Route]) -> Option<Option<String>> {
    let matchers = routes.iter().flat_map(|route| &route.matching.query);
    let fields = fields::of(matchers.map(|matcher| (&matcher.name, &matcher.value)))?;
    let pairs: Vec<_> =
        fields.iter().map(|Field { name, value }| format!("{}={}", Encoded(name), Encoded(value))).collect();
    Some((!pairs.is_empty()).then(|| pairs.join("&")))
}

/// Text as it stands in a query.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b',' | b'@' => {
                write!(f, "{}", char::from(byte))
            }
            _ => write!(f, "%{byte:02X}"),
        })
    }
}

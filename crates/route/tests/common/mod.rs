//! Routes and requests from one line of text each, so that a test is data.
//!
//! A route is a line of words: `host:a.example.org,*.b.org prefix:/a method:GET,POST header:x=1 query:x^=pre cookie:x`,
//! where the path is one of `exact: prefix: template: wildcard: regex:` and a field is followed by `=` (exact, or any of
//! several divided by `|`), `^=` (prefix), `~=` (regex), `!` (absent) or nothing (present). An expression stands behind
//! `when:`, without spaces. A request is
//! `GET a.example.org/path?query` and then words: `name=value` is a header, `ip:`, `listener:`, `sni:` and `now:` are what
//! they say.

#![allow(dead_code, reason = "no test uses everything")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

pub(crate) mod naive;
pub(crate) mod random;

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use expression::Environment;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use model::{
    Action, CaptureType, FieldMatch, FromText, HeaderMatch, HostPattern, ListenerId, Match, PathPattern, Respond,
    Route, Segment, Template, TimeMatch, ValueMatch, Weekly, values::Moment,
};
use regex::Regex;
use route::{Ask, Example, Table};

/// A request that owns what an [`Ask`] borrows.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub listener: ListenerId,
    pub host: String,
    pub path: String,
    pub query: Option<String>,
    pub method: Method,
    pub headers: HeaderMap,
    pub client_ip: IpAddr,
    pub sni: Option<String>,
    pub clock: Clock,
}

/// A clock that stands still.
#[derive(Clone)]
pub(crate) struct Clock(pub SystemTime, Arc<dyn Fn() -> SystemTime + Send + Sync>);

/// Asserts which route a request takes, by name; `""` stands for none. What `find` and `candidates` say must agree.
#[track_caller]
pub(crate) fn check(lines: &[(&str, &str)], request: &str, wanted: &str) {
    let routes: Vec<_> = lines.iter().map(|(name, line)| route(name, line)).collect();
    let table = Table::build(&routes).unwrap();
    let asked = self::request(request);
    let found = table.find(&asked.ask()).map(|found| found.route);
    assert_eq!(found.map_or("", |index| &routes[index].name), wanted, "{request}");
    let explained = table.candidates(&asked.ask()).into_iter().find(|candidate| candidate.miss.is_none());
    assert_eq!(explained.map(|candidate| candidate.route), found, "what candidates says of {request}");
}

pub(crate) fn route(name: &str, line: &str) -> Route {
    let mut route = Route {
        name: name.into(),
        listeners: Vec::new(),
        matching: Match::default(),
        priority: 0,
        policies: Vec::new(),
        action: Action::Respond(Respond { status: StatusCode::OK, headers: Vec::new(), body: Template(Vec::new()) }),
        rewrite: None,
        breaker: None,
        fallbacks: Vec::new(),
        mirrors: Vec::new(),
    };
    for word in line.split_whitespace() {
        let (key, value) = word.split_once(':').unwrap();
        let matching = &mut route.matching;
        let list = || value.split(',');
        match key {
            "host" => matching.hosts.extend(list().map(host)),
            "method" => matching.methods.extend(list().map(|method| method.parse::<Method>().unwrap())),
            "sni" => matching.sni.extend(list().map(host)),
            "time" => matching.time = Some(time(value)),
            "when" => matching.when = Some(Environment::request().condition(value).unwrap()),
            "ip" => matching.client_ip.extend(list().map(|net| net.parse::<ipnet::IpNet>().unwrap())),
            "listener" => route.listeners.extend(list().map(|id| ListenerId(id.parse().unwrap()))),
            "priority" => route.priority = value.parse().unwrap(),
            "header" => {
                let (name, value) = field(value);
                matching.headers.push(HeaderMatch { name: name.parse().unwrap(), value });
            }
            "query" => matching.query.push(named(value)),
            "cookie" => matching.cookies.push(named(value)),
            kind => matching.path = Some(path(kind, value)),
        }
    }
    route
}

pub(crate) fn request(line: &str) -> Request {
    let mut words = line.split_whitespace();
    let method = words.next().unwrap().parse().unwrap();
    let target = words.next().unwrap();
    let (host, rest) = target.split_at(target.find('/').unwrap_or(target.len()));
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query.to_owned())));
    let mut request = Request {
        listener: ListenerId(0),
        host: host.to_owned(),
        path: path.to_owned(),
        query,
        method,
        headers: HeaderMap::new(),
        client_ip: [192, 0, 2, 1].into(),
        sni: None,
        clock: Clock::at(UNIX_EPOCH),
    };
    for word in words {
        if let Some(ip) = word.strip_prefix("ip:") {
            request.client_ip = ip.parse().unwrap();
        } else if let Some(name) = word.strip_prefix("sni:") {
            request.sni = Some(name.to_owned());
        } else if let Some(now) = word.strip_prefix("now:") {
            request.clock = Clock::at(moment(now));
        } else if let Some(id) = word.strip_prefix("listener:") {
            request.listener = ListenerId(id.parse().unwrap());
        } else {
            let (name, value) = word.split_once('=').unwrap();
            // A line of test text has no room for spaces.
            let value = HeaderValue::from_str(&value.replace('␣', " ")).unwrap();
            request.headers.append(name.parse::<HeaderName>().unwrap(), value);
        }
    }
    request
}

pub(crate) fn path(kind: &str, text: &str) -> PathPattern {
    match kind {
        "exact" => PathPattern::Exact(text.into()),
        "prefix" => PathPattern::Prefix(text.into()),
        "template" => PathPattern::Template(text[1..].split('/').map(segment).collect()),
        "wildcard" => PathPattern::Wildcard { pattern: text.into(), regex: wildcard(text) },
        "regex" => PathPattern::Regex(Regex::new(text).unwrap()),
        _ => panic!("no path is {kind:?}"),
    }
}

fn host(text: &str) -> HostPattern {
    match text.strip_prefix("*.") {
        Some(suffix) => HostPattern::Suffix(suffix.into()),
        None => HostPattern::Exact(text.into()),
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        None => Segment::Literal(text.into()),
        Some(name) => match name.strip_suffix("...") {
            None => match name.split_once(':') {
                None => Segment::Capture(name.into()),
                Some((name, typed)) => Segment::Typed(name.into(), capture_type(typed)),
            },
            Some(name) => Segment::Rest(name.into()),
        },
    }
}

fn capture_type(name: &str) -> CaptureType {
    CaptureType::ALL.into_iter().find(|typed| typed.name() == name).unwrap()
}

/// `after,before,weekly`, each of which may be missing: moments, and the minutes of `from-to` on every day.
fn time(text: &str) -> TimeMatch {
    let mut time = TimeMatch::default();
    let mut parts = text.split(',').map(|part| Some(part).filter(|part| !part.is_empty()));
    time.after = parts.next().flatten().map(moment);
    time.before = parts.next().flatten().map(moment);
    time.weekly = parts.next().flatten().map(|hours| {
        let (from, to) = hours.split_once('-').unwrap();
        Weekly { days: model::Days::ALL, from: from.parse().unwrap(), to: to.parse().unwrap(), offset: 0 }
    });
    time
}

/// RFC 3339, or seconds since 1970.
fn moment(text: &str) -> SystemTime {
    match text.parse() {
        Ok(seconds) => UNIX_EPOCH + Duration::from_secs(seconds),
        Err(_) => Moment::from_text(text).unwrap().0,
    }
}

fn wildcard(pattern: &str) -> Regex {
    let any = regex::escape(pattern).replace(r"\*\*", "(?s:.*)").replace(r"\*", "[^/]*");
    Regex::new(&format!("^{any}$")).unwrap()
}

fn named(text: &str) -> FieldMatch {
    let (name, value) = field(text);
    FieldMatch { name: name.into(), value }
}

fn field(text: &str) -> (&str, ValueMatch) {
    if let Some(name) = text.strip_suffix('!') {
        return (name, ValueMatch::Absent);
    }
    let Some((name, value)) = text.split_once('=') else { return (text, ValueMatch::Present) };
    match name.strip_suffix(['^', '~']) {
        None if value.contains('|') => (name, ValueMatch::AnyOf(value.split('|').map(Arc::from).collect())),
        None => (name, ValueMatch::Exact(value.into())),
        Some(short) if name.ends_with('^') => (short, ValueMatch::Prefix(value.into())),
        Some(short) => (short, ValueMatch::Regex(Regex::new(value).unwrap())),
    }
}

// === impl Request ===

impl Request {
    pub(crate) fn ask(&self) -> Ask<'_> {
        Ask {
            listener: self.listener,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            method: &self.method,
            headers: &self.headers,
            client_ip: self.client_ip,
            scheme: if self.sni.is_some() { "https" } else { "http" },
            sni: self.sni.as_deref(),
            now: &*self.clock.1,
        }
    }
}

impl From<&Example> for Request {
    fn from(example: &Example) -> Self {
        let now = || example.now();
        let ask = example.ask(&now);
        Self {
            listener: ask.listener,
            host: ask.host.to_owned(),
            path: ask.path.to_owned(),
            query: ask.query.map(str::to_owned),
            method: ask.method.clone(),
            headers: ask.headers.clone(),
            client_ip: ask.client_ip,
            sni: ask.sni.map(str::to_owned),
            clock: Clock::at(example.now()),
        }
    }
}

// === impl Clock ===

impl Clock {
    pub(crate) fn at(now: SystemTime) -> Self {
        Self(now, Arc::new(move || now))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

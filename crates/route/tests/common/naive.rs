//! What the table must agree with: every route asked in turn, the greatest precedence taken. Written for plainness, from
//! the rules and not from the table; it shares with it nothing but `Precedence`.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use http::Method;
use model::{CaptureType, HostPattern, PathPattern, Route, Segment, TimeMatch, ValueMatch, Weekly};
use regex::Regex;
use route::Precedence;

use super::Request;

/// The route with the greatest precedence among all that match, with its captures.
pub(crate) fn find(routes: &[Route], request: &Request) -> Option<(usize, Vec<String>)> {
    let matching = routes.iter().enumerate().filter_map(|(index, route)| {
        let captures = path(route.matching.path.as_ref(), &request.path)?;
        let precedence = host(route, index, request)?;
        rest(route, request).then_some((precedence, index, captures))
    });
    matching.max_by_key(|(precedence, ..)| *precedence).map(|(_, index, captures)| (index, captures))
}

/// The greatest precedence over the hosts that match.
fn host(route: &Route, index: usize, request: &Request) -> Option<Precedence> {
    if route.matching.hosts.is_empty() {
        return Some(Precedence::of(route, None, index));
    }
    let matching = route.matching.hosts.iter().filter(|pattern| matches_host(pattern, &request.host));
    matching.map(|host| Precedence::of(route, Some(host), index)).max()
}

fn matches_host(pattern: &HostPattern, asked: &str) -> bool {
    let labels: Vec<_> = asked.split('.').collect();
    match pattern {
        HostPattern::Exact(host) => *asked == **host,
        HostPattern::Suffix(suffix) => {
            (1..labels.len()).any(|front| !labels[..front].concat().is_empty() && labels[front..].join(".") == **suffix)
        }
    }
}

fn path(pattern: Option<&PathPattern>, path: &str) -> Option<Vec<String>> {
    match pattern {
        None => Some(Vec::new()),
        Some(PathPattern::Exact(exact)) => (**exact == *path).then(Vec::new),
        Some(PathPattern::Prefix(prefix)) if **prefix == *"/" => path.starts_with('/').then(|| vec![path.to_owned()]),
        Some(PathPattern::Prefix(prefix)) => {
            let below = path.starts_with(&format!("{prefix}/"));
            (below || **prefix == *path).then(|| vec![path[prefix.len()..].to_owned()])
        }
        Some(PathPattern::Template(segments)) => template(segments, path),
        Some(PathPattern::Wildcard { regex, .. }) => regex.is_match(path).then(Vec::new),
        Some(PathPattern::Regex(regex)) => {
            let groups = regex.captures(path)?;
            let text = |name| groups.name(name).map_or("", |group| group.as_str()).to_owned();
            Some(regex.capture_names().flatten().map(text).collect())
        }
    }
}

fn template(segments: &[Segment], path: &str) -> Option<Vec<String>> {
    let mut parts = path.strip_prefix('/')?.split('/');
    let mut captures = Vec::new();
    for segment in segments {
        match segment {
            Segment::Rest(_) => {
                captures.push(parts.collect::<Vec<_>>().join("/"));
                return Some(captures);
            }
            Segment::Literal(literal) => drop(parts.next().filter(|part| **part == **literal)?),
            Segment::Capture(_) => captures.push(parts.next().filter(|part| !part.is_empty())?.to_owned()),
            Segment::Typed(_, typed) => captures.push(parts.next().filter(|part| looks_like(*typed, part))?.to_owned()),
        }
    }
    parts.next().is_none().then_some(captures)
}

/// The regex that documentation gives for a type.
fn looks_like(typed: CaptureType, segment: &str) -> bool {
    let hex = |lengths: &[usize]| lengths.iter().map(|length| format!("[0-9A-Fa-f]{{{length}}}")).collect::<Vec<_>>();
    let regex = match typed {
        CaptureType::Alpha => "[A-Za-z]+".to_owned(),
        // The generator makes no days that there are not.
        CaptureType::Date => "[0-9]{4}-[0-9]{2}-[0-9]{2}".to_owned(),
        CaptureType::Hex => "[0-9A-Fa-f]+".to_owned(),
        CaptureType::Int => "-?[0-9]+".to_owned(),
        CaptureType::Slug => "[a-z0-9-]+".to_owned(),
        CaptureType::Uuid => hex(&[8, 4, 4, 4, 12]).join("-"),
    };
    cached(format!("^{regex}$")).is_match(segment)
}

/// A regex, compiled once.
fn cached(regex: String) -> Regex {
    thread_local!(static KNOWN: RefCell<HashMap<String, Regex>> = RefCell::default());
    KNOWN.with_borrow_mut(|known| known.entry(regex).or_insert_with_key(|regex| Regex::new(regex).unwrap()).clone())
}

fn rest(route: &Route, request: &Request) -> bool {
    let wanted = &route.matching;
    let mapped = request.client_ip.to_canonical();
    (route.listeners.is_empty() || route.listeners.contains(&request.listener))
        && (wanted.methods.is_empty() || wanted.methods.contains(&request.method))
        && (wanted.client_ip.is_empty() || wanted.client_ip.iter().any(|network| network.contains(&mapped)))
        && (wanted.sni.is_empty()
            || request.sni.as_ref().is_some_and(|sni| wanted.sni.iter().any(|name| matches_host(name, sni))))
        && wanted.time.is_none_or(|time| is_open(&time, request))
        && wanted.when.as_ref().is_none_or(|when| {
            let (_, holds) = WHEN.iter().find(|(text, _)| *text == when.as_str()).unwrap();
            holds(request)
        })
        && wanted.headers.iter().all(|header| {
            let lines = request.headers.get_all(&header.name).iter();
            value(&header.value, &lines.map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>())
        })
        && wanted.query.iter().all(|field| value(&field.value, &query(request, &field.name)))
        && wanted.cookies.iter().all(|field| value(&field.value, &cookies(request, &field.name)))
}

/// What an expression means.
pub(crate) type Meaning = fn(&Request) -> bool;

/// Expressions, and what they mean.
pub(crate) const WHEN: [(&str, Meaning); 7] = [
    ("request.headers.x=='a'", |request| first(request, "x") == Some("a")),
    ("request.headers.x!='a'", |request| first(request, "x").is_some_and(|value| value != "a")),
    ("!(request.headers.y=='b')||'x'in(request.headers)", |request| {
        request.headers.contains_key("x") || first(request, "y").is_some_and(|value| value != "b")
    }),
    ("request.query.x.startsWith('a')&&request.method=='GET'", |request| {
        request.method == Method::GET && query(request, "x").first().is_some_and(|value| value.starts_with('a'))
    }),
    ("request.path.endsWith('b')?has(request.cookies.x):client.ip.within('10.0.0.0/8')", |request| {
        if request.path.ends_with('b') {
            !cookies(request, "x").is_empty()
        } else {
            matches!(request.client_ip.to_canonical(), IpAddr::V4(ip) if ip.octets()[0] == 10)
        }
    }),
    ("tls.sni==request.host||request.scheme!='https'", |request| {
        request.sni.as_deref().is_none_or(|sni| sni == request.host)
    }),
    ("int(now)<900", |request| request.clock.0.duration_since(UNIX_EPOCH).unwrap().as_secs() < 900),
];

/// The first line of a header.
fn first<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

/// By seconds since 1970; the weekly hours of tests are of every day.
fn is_open(time: &TimeMatch, request: &Request) -> bool {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = seconds(request.clock.0);
    let minute = now / 60 % (24 * 60);
    let is_hour = |weekly: &Weekly| {
        let (from, to) = (u64::from(weekly.from), u64::from(weekly.to));
        if from < to { from <= minute && minute < to } else { minute >= from || minute < to }
    };
    time.after.is_none_or(|after| seconds(after) <= now)
        && time.before.is_none_or(|before| now < seconds(before))
        && time.weekly.as_ref().is_none_or(is_hour)
}

fn value(wanted: &ValueMatch, values: &[String]) -> bool {
    values.iter().any(|value| match wanted {
        ValueMatch::Exact(text) => *value == **text,
        ValueMatch::Prefix(text) => value.starts_with(&**text),
        ValueMatch::Regex(regex) => regex.is_match(value),
        ValueMatch::AnyOf(texts) => texts.iter().any(|text| *value == **text),
        ValueMatch::Present => true,
        ValueMatch::Absent => false,
    }) || matches!(wanted, ValueMatch::Absent) && values.is_empty()
}

fn query(request: &Request, name: &str) -> Vec<String> {
    let pairs = request.query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v)));
    decoded.filter(|(key, _)| key == name).map(|(_, value)| value).collect()
}

/// What the generator encodes, and that alone.
fn decode(text: &str) -> String {
    text.replace('+', " ").replace("%61", "a").replace("%62", "b").replace("%2F", "/").replace("%2B", "+")
}

fn cookies(request: &Request, name: &str) -> Vec<String> {
    let lines = request.headers.get_all("cookie").iter().map(|line| line.to_str().unwrap());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned()).collect()
}

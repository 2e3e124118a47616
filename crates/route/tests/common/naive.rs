//! What the table must agree with: every route asked in turn, the greatest precedence taken. Written for plainness, from
//! the rules and not from the table; it shares with it nothing but `Precedence`.

use model::{HostPattern, PathPattern, Route, Segment, ValueMatch};
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
    let labels: Vec<_> = request.host.split('.').collect();
    let matches = |pattern: &&HostPattern| match pattern {
        HostPattern::Exact(host) => request.host == **host,
        HostPattern::Suffix(suffix) => {
            (1..labels.len()).any(|front| !labels[..front].concat().is_empty() && labels[front..].join(".") == **suffix)
        }
    };
    route.matching.hosts.iter().filter(matches).map(|host| Precedence::of(route, Some(host), index)).max()
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
        }
    }
    parts.next().is_none().then_some(captures)
}

fn rest(route: &Route, request: &Request) -> bool {
    let wanted = &route.matching;
    let mapped = request.client_ip.to_canonical();
    (route.listeners.is_empty() || route.listeners.contains(&request.listener))
        && (wanted.methods.is_empty() || wanted.methods.contains(&request.method))
        && (wanted.client_ip.is_empty() || wanted.client_ip.iter().any(|network| network.contains(&mapped)))
        && wanted.headers.iter().all(|header| {
            let lines = request.headers.get_all(&header.name).iter();
            value(&header.value, &lines.map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>())
        })
        && wanted.query.iter().all(|field| value(&field.value, &query(request, &field.name)))
        && wanted.cookies.iter().all(|field| value(&field.value, &cookies(request, &field.name)))
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

//! What must hold of a request.

use expression::Condition;

use crate::{
    FieldMatch, HeaderMatch, ListenerId, Match, Node, PathPattern, Report, TextOr,
    decode::decode,
    document,
    values::{FieldName, HostName, MethodName, Network, SniName},
};

/// The path that a route matches, by itself; `None` if it cannot be read, which is reported when the route is decoded.
pub(super) fn path(route: &Node) -> Option<Option<PathPattern>> {
    let Some(path) = route.get("match").and_then(|matching| matching.get("path")) else { return Some(None) };
    decode::<TextOr<document::Path>>(path, &mut Report::default()).map(|TextOr(document::Path(path))| Some(path))
}

/// The expression of `when` is read from the tree.
pub(super) fn check(written: document::Match, when: Option<Condition>) -> Match {
    Match {
        hosts: written.hosts.into_iter().map(|HostName(host)| host).collect(),
        path: written.path.map(|TextOr(document::Path(path))| path),
        methods: written.methods.into_iter().map(|MethodName(method)| method).collect(),
        headers: headers(written.headers),
        query: fields(written.query),
        cookies: fields(written.cookies),
        client_ip: written.client_ip.into_iter().map(|Network(network)| network).collect(),
        sni: written.sni.into_iter().map(|SniName(name)| name).collect(),
        time: written.time.map(|document::Time(time)| time),
        when,
    }
}

pub(super) fn headers(written: Vec<document::HeaderMatch>) -> Vec<HeaderMatch> {
    let header = |document::HeaderMatch { name: FieldName(name), value }| HeaderMatch { name, value };
    written.into_iter().map(header).collect()
}

/// Of the query, or cookies.
pub(super) fn fields(written: Vec<document::FieldMatch>) -> Vec<FieldMatch> {
    let field = |document::FieldMatch { name, value }| FieldMatch { name: name.into(), value };
    written.into_iter().map(field).collect()
}

/// A server name is only given in a TLS handshake. `listeners` are those of the route; none stands for all.
pub(super) fn check_sni(
    node: &Node,
    matching: &Match,
    listeners: &[ListenerId],
    has_tls: &[bool],
    report: &mut Report,
) {
    let mut own = listeners.iter().filter_map(|ListenerId(index)| has_tls.get(*index as usize));
    let is_heard = if listeners.is_empty() { has_tls.contains(&true) } else { own.any(|has_tls| *has_tls) };
    if matching.sni.is_empty() || has_tls.is_empty() || is_heard {
        return;
    }
    let place = &node.near("match").near("sni").place;
    let message = "no listener of this route has `tls`, so there is no server name and nothing matches";
    report.warning_with_hint(place, message, "give a listener `tls`, or match with `hosts`");
}

//! How a target is made anew: for the upstream, or for the client that is sent elsewhere.

use std::{collections::BTreeMap, sync::Arc};

use http::{Method, StatusCode};

use super::{
    action::FORWARDING,
    matching,
    templates::{self, complain as template},
};
use crate::{
    FromText, Location, LocationParts, NewHost, NewPath, Node, PathPattern, QueryEdits, Redirect, Report, Rewrite,
    Template, TextOr,
    document::{self, RedirectQuery, Scheme},
    values::{Count, HostValue, MethodName, Pattern, PrefixPath, RedirectStatus, ServerName},
};

/// What stands beside an action makes sense only with one that goes to an upstream.
pub(super) fn check_extras(node: &Node, report: &mut Report) {
    let forwards = FORWARDING.iter().any(|action| node.get(action).is_some());
    let answers_itself = node.get("redirect").or(node.get("respond")).is_some() && !forwards;
    for (name, does) in [
        ("rewrite", "changes what an upstream gets"),
        ("mirror", "copies what an upstream gets"),
        ("breaker", "keeps requests from an upstream"),
        ("fallback", "answers instead of an upstream"),
    ] {
        if let Some(key) = node.key(name).filter(|_| answers_itself) {
            let message = format!("`{name}` {does}, and this route has none");
            report.error_with_hint(&key.place, message, "leave it out");
        }
    }
}

/// The templates of a route in which something else is wrong, as far as its path is known.
pub(super) fn check_templates(node: &Node, report: &mut Report) {
    let Some(path) = matching::path(node) else { return };
    let matched = path.as_ref();
    let text =
        |map: &str, key: &str| node.get(map).and_then(|map| map.get(key)).and_then(|node| Some((node, node.text()?)));
    if let Some((node, to)) = text("redirect", "to") {
        template(node, templates::location(to, matched), report);
    }
    if let Some((node, path)) = text("rewrite", "path") {
        template(node, templates::rewritten(path, matched), report);
    }
    if let Some((node, body)) = text("respond", "body") {
        template(node, templates::text(body, matched), report);
    }
}

pub(super) fn rewrite(
    node: &Node,
    written: document::Rewrite,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Rewrite> {
    let document::Rewrite { path, query, host, method } = written;
    // All of them are looked at before any of them is given up.
    let path = path.map(|TextOr(path)| new_path(node.near("path"), path, matched, report));
    let query = query.map(|query| query_edits(node.near("query"), &query, matched, report));
    let host = host.map(|host| new_host(node.near("host"), &host, matched, report));
    let method = method.map(|MethodName(method)| new_method(node.near("method"), method, report));
    Some(Rewrite {
        path: path.map_or(Some(None), |path| path.map(Some))?,
        query: query.map_or(Some(None), |query| query.map(Some))?,
        host: host.map_or(Some(None), |host| host.map(Some))?,
        method,
    })
}

pub(super) fn redirect(
    node: &Node,
    written: document::Redirect,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Redirect> {
    let status = written.status.map_or(StatusCode::FOUND, |RedirectStatus(status)| status);
    let to = match &written.to {
        Some(to) => {
            let parts = ["scheme", "host", "port", "path", "query"];
            if let Some(key) = parts.into_iter().find_map(|part| node.key(part)) {
                let message = format!("`{}` beside `to`, which says all of it", key.name);
                report.error_with_hint(&key.place, message, "give either `to` or the parts");
            }
            let host = templates::host_with_holes(to, matched);
            Location::Whole { to: template(node.near("to"), templates::location(to, matched), report)?, host }
        }
        None => Location::Parts(parts(node, written, matched, report)?),
    };
    Some(Redirect { to, status })
}

fn parts(
    node: &Node,
    written: document::Redirect,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<LocationParts> {
    let document::Redirect { scheme, host, port, path, query, .. } = written;
    let parts = LocationParts {
        scheme: scheme.map(|scheme| match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }),
        host: host.map(|ServerName(host)| host),
        port: port.and_then(|Count(port)| u16::try_from(port).ok()),
        path: match path {
            Some(TextOr(path)) => Some(new_path(node.near("path"), path, matched, report)?),
            None => None,
        },
        drop_query: query == RedirectQuery::Drop,
    };
    if let LocationParts { scheme: None, host: None, port: None, path: None, .. } = parts {
        let message = "this redirect leads back to where it comes from";
        report.error_with_hint(
            &node.place,
            message,
            "say what changes: `to`, or one of `scheme`, `host`, `port` and `path`",
        );
        return None;
    }
    Some(parts)
}

fn new_path(
    node: &Node,
    written: document::NewPath,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<NewPath> {
    match written {
        document::NewPath::Template(text) => {
            template(node, templates::rewritten(&text, matched), report).map(NewPath::Template)
        }
        document::NewPath::Regex { regex: Pattern(regex), to } => {
            let to = template(node.near("to"), templates::substituted(&to, &regex, matched), report)?;
            Some(NewPath::Regex { regex, to })
        }
        document::NewPath::Prefix(prefix) => {
            let read = match matched {
                Some(PathPattern::Prefix(_)) => {
                    PrefixPath::from_text(&prefix).and_then(|_| templates::rewritten(&below(&prefix), matched))
                }
                _ => Err("`prefix` stands for the prefix by which the route matches, and this one matches by none; \
                          write the new path as a text, or use `regex` and `to`"
                    .to_owned()),
            };
            template(node.near("prefix"), read, report).map(NewPath::Template)
        }
    }
}

fn new_method(node: &Node, method: Method, report: &mut Report) -> Method {
    if matches!(method, Method::HEAD | Method::CONNECT) {
        let message =
            format!("a request cannot become a {method}: its response would be framed as the client does not expect");
        report.error_with_hint(
            &node.place,
            message,
            "give another method; HEAD requests become what is given, and are answered without a body",
        );
    }
    method
}

/// What follows a prefix is empty or begins with a slash.
fn below(prefix: &str) -> String {
    match prefix.trim_end_matches('/') {
        "" => "/{rest}".to_owned(),
        prefix => format!("{prefix}{{rest}}"),
    }
}

fn query_edits(
    node: &Node,
    written: &document::QueryEdits,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<QueryEdits> {
    let set = parameters(node.near("set"), &written.set, matched, report);
    let add = parameters(node.near("add"), &written.add, matched, report);
    if let Some(name) = written.remove.iter().find(|name| written.set.contains_key(*name)) {
        let message = format!("`{name}` is both removed from the query and set");
        report.error_with_hint(&node.near("remove").place, message, "`set` alone replaces what is there");
    }
    let remove = written.remove.iter().map(|name| Arc::from(&**name)).collect();
    Some(QueryEdits { remove, set: set?, add: add? })
}

fn parameters(
    node: &Node,
    written: &BTreeMap<String, String>,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Vec<(Arc<str>, Template)>> {
    let parameter = |(name, value): (&String, &String)| {
        let value = template(node.near(name), templates::value(value, matched), report)?;
        Some((Arc::from(&**name), value))
    };
    // Not lazily: every value is to be looked at.
    let read: Vec<Option<_>> = written.iter().map(parameter).collect();
    read.into_iter().collect()
}

fn new_host(node: &Node, written: &str, matched: Option<&PathPattern>, report: &mut Report) -> Option<NewHost> {
    if written.contains(['{', '}']) {
        return template(node, templates::host(written, matched), report).map(NewHost::Template);
    }
    match HostValue::from_text(written) {
        Ok(HostValue(host)) => Some(NewHost::Fixed(host)),
        Err(message) => template(node, Err(message), report).map(NewHost::Template),
    }
}

//! What is done with a request.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::templates;
use crate::{
    Node, PathPattern, Redirect, Report, Respond, Rewrite, Template, TextOr, Value,
    decode::decode,
    document::{self, Fields},
    nearest, pending,
    values::{FieldName, FieldValue, HostValue, RedirectStatus, Status},
};

/// The keys that say what is done with a request. There must be exactly one.
const ACTIONS: [&str; 3] = ["upstream", "redirect", "respond"];

pub(super) fn has_one_action(node: &Node, report: &mut Report) -> bool {
    let is_action = |name: &str| ACTIONS.contains(&name) || pending::actions().any(|action| action == name);
    let given: Vec<&str> =
        node.entries().iter().map(|(key, _)| key.name.as_str()).filter(|key| is_action(key)).collect();
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match given.len() {
        1 => true,
        // It is no map at all, or the key is misspelt; that has been said.
        0 if !matches!(node.value, Value::Map(_)) => false,
        0 if node.entries().iter().any(|(key, _)| nearest(&key.name, ACTIONS).is_some()) => false,
        0 => {
            let message =
                format!("a route needs an action, exactly one of {}, and this one has none", quoted(&ACTIONS));
            report.error_with_hint(&node.place, message, "for example `upstream: users`");
            false
        }
        _ => {
            let message = format!("a route has exactly one action, and this one has {}", quoted(&given));
            report.error_with_hint(&node.place, message, "keep one of them, or make another route");
            false
        }
    }
}

/// What stands beside an action makes sense only with one that goes to an upstream.
pub(super) fn check_extras(node: &Node, report: &mut Report) {
    let answers_itself = node.get("redirect").or(node.get("respond")).is_some() && node.get("upstream").is_none();
    for (name, does) in [("rewrite", "changes what an upstream gets"), ("mirror", "copies what an upstream gets")] {
        if let Some(key) = node.key(name).filter(|_| answers_itself) {
            let message = format!("`{name}` {does}, and this route has none");
            report.error_with_hint(&key.place, message, "leave it out");
        }
    }
}

/// The templates of a route in which something else is wrong, as far as its path is known.
pub(super) fn check_templates(node: &Node, report: &mut Report) {
    let mut reported = Report::default();
    let path = match node.get("match").and_then(|matching| matching.get("path")) {
        None => None,
        Some(path) => match decode::<TextOr<document::Path>>(path, &mut reported) {
            Some(TextOr(document::Path(path))) => Some(path),
            // It is wrong itself, which was reported when the route was decoded.
            None => return,
        },
    };
    let matched = path.as_ref();
    let text =
        |map: &str, key: &str| node.get(map).and_then(|map| map.get(key)).and_then(|node| Some((node, node.text()?)));
    if let Some((node, to)) = text("redirect", "to") {
        template(node, templates::location(to, matched), report);
    }
    if let Some((node, path)) = text("rewrite", "path") {
        template(node, templates::rewritten(path, matched), report);
    }
}

pub(super) fn rewrite(
    node: &Node,
    written: document::Rewrite,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Rewrite> {
    let document::Rewrite { path, host } = written;
    let path = match path {
        Some(path) => Some(template(node.near("path"), templates::rewritten(&path, matched), report)?),
        None => None,
    };
    Some(Rewrite { path, host: host.map(|HostValue(host)| host) })
}

pub(super) fn redirect(
    node: &Node,
    written: &document::Redirect,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Redirect> {
    let to = template(node.near("to"), templates::location(&written.to, matched), report)?;
    Some(Redirect { to, status: written.status.map_or(StatusCode::FOUND, |RedirectStatus(status)| status) })
}

fn template(node: &Node, template: Result<Template, String>, report: &mut Report) -> Option<Template> {
    template
        .map_err(|message| match message.split_once("; ") {
            Some((message, hint)) => report.error_with_hint(&node.place, message, hint),
            None => report.error(&node.place, message),
        })
        .ok()
}

pub(super) fn respond(node: &Node, written: document::Respond, report: &mut Report) -> Respond {
    let document::Respond { status, headers: Fields(fields), body } = written;
    let status = status.map_or(StatusCode::OK, |Status(status)| status);
    if matches!(status.as_u16(), 204 | 205 | 304) && !body.is_empty() {
        report.error(&node.near("body").place, format!("a response with the status {} has no body", status.as_u16()));
    }
    let headers = headers(node.near("headers"), fields, report);
    Respond { status, headers, body: body.into() }
}

fn headers(node: &Node, fields: Vec<(FieldName, FieldValue)>, report: &mut Report) -> HeaderMap<HeaderValue> {
    /// The framing of a message is the gateway's own business.
    const OWN: [header::HeaderName; 5] =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE, header::TRAILER];
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (FieldName(name), FieldValue(value)) in fields {
        if OWN.contains(&name) {
            let key = node.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name.as_str()));
            let place = key.map_or(&node.place, |(key, _)| &key.place);
            report.error_with_hint(place, format!("`{name}` is set by the gateway itself"), "leave it out");
        }
        headers.append(name, value);
    }
    headers
}

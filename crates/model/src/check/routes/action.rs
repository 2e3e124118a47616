//! What is done with a request.

use http::{HeaderName, StatusCode, header};

use super::templates;
use crate::{
    Node, PathPattern, Place, Report, Respond, Template, Value,
    document::{self, Fields},
    nearest, pending,
    values::{FieldName, FieldValue, Status},
};

/// The keys that say what is done with a request. There must be exactly one.
const ACTIONS: [&str; 5] = ["upstream", "split", "versions", "redirect", "respond"];

/// Those that send the request somewhere.
pub(super) const FORWARDING: [&str; 3] = ["upstream", "split", "versions"];

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

/// `matched` is the path of the route.
pub(super) fn respond(
    node: &Node,
    written: document::Respond,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Respond> {
    let document::Respond { status, headers: Fields(fields), body } = written;
    let status = status.map_or(StatusCode::OK, |Status(status)| status);
    if matches!(status.as_u16(), 204 | 205 | 304) && !body.is_empty() {
        report.error(&node.near("body").place, format!("a response with the status {} has no body", status.as_u16()));
    }
    let headers = headers(node.near("headers"), fields, matched, report);
    let body = templates::complain(node.near("body"), templates::text(&body, matched), report);
    Some(Respond { status, headers: headers?, body: body? })
}

fn headers(
    node: &Node,
    fields: Vec<(FieldName, FieldValue)>,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Vec<(HeaderName, Template)>> {
    let mut headers = Vec::with_capacity(fields.len());
    for (FieldName(name), FieldValue(value)) in fields {
        let written = node.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name.as_str()));
        let (key, line) = written.map_or((&node.place, node), |(key, line)| (&key.place, line));
        may_be_set(&name, key, report);
        // It was read from a text.
        let text = str::from_utf8(value.as_bytes()).unwrap_or_default();
        let value = templates::complain(line, templates::text(text, matched), report);
        headers.push(value.map(|value| (name, value)));
    }
    headers.into_iter().collect()
}

/// The framing of a message is the gateway's own business.
pub(super) fn may_be_set(name: &HeaderName, place: &Place, report: &mut Report) {
    const OWN: [HeaderName; 5] =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE, header::TRAILER];
    if OWN.contains(name) {
        report.error_with_hint(place, format!("`{name}` is set by the gateway itself"), "leave it out");
    }
}

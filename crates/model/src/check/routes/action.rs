//! What is done with a request.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    Node, Place, Report, Respond, Value,
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

pub(super) fn respond(node: &Node, written: document::Respond, report: &mut Report) -> Respond {
    let document::Respond { status, headers: Fields(fields), body } = written;
    let status = status.map_or(StatusCode::OK, |Status(status)| status);
    if matches!(status.as_u16(), 204 | 205 | 304) && !body.is_empty() {
        report.error(&node.near("body").place, format!("a response with the status {} has no body", status.as_u16()));
    }
    let headers = headers(node.near("headers"), fields, report);
    Respond { status, headers, body: body.into() }
}

/// Of a message that the gateway makes itself.
pub(in crate::check) fn headers(
    node: &Node,
    fields: Vec<(FieldName, FieldValue)>,
    report: &mut Report,
) -> HeaderMap<HeaderValue> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (FieldName(name), FieldValue(value)) in fields {
        let key = node.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name.as_str()));
        may_be_set(&name, key.map_or(&node.place, |(key, _)| &key.place), report);
        headers.append(name, value);
    }
    headers
}

/// The framing of a message is the gateway's own business.
pub(super) fn may_be_set(name: &HeaderName, place: &Place, report: &mut Report) {
    const OWN: [HeaderName; 5] =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE, header::TRAILER];
    if OWN.contains(name) {
        report.error_with_hint(place, format!("`{name}` is set by the gateway itself"), "leave it out");
    }
}

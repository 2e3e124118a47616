//! Redirects that lead back to where they come from.

use http::Method;

use super::Known;
use crate::{
    ListenerId, Location, LocationParts, Match, NewPath, Node, PathPattern, Redirect, Report, Segment, Template,
    TemplatePart,
};

/// Refuses a redirect after which the same request would be sent once more, and so on.
///
/// Only what is certain: the same scheme, host and path, and no matcher that the next request may fail.
pub(super) fn check(
    node: &Node,
    redirect: &Redirect,
    matching: &Match,
    listeners: &[ListenerId],
    known: &Known<'_>,
    report: &mut Report,
) {
    let Match { methods, headers, query, cookies, time, .. } = matching;
    let becomes_get = matches!(redirect.status.as_u16(), 301..=303);
    let may_differ = !headers.is_empty()
        || !query.is_empty()
        || !cookies.is_empty()
        || time.is_some()
        || becomes_get && !methods.is_empty() && !methods.contains(&Method::GET);
    let path = matching.path.as_ref();
    let (scheme, is_own_path) = match &redirect.to {
        Location::Whole { to, .. } => (None, is_own(to, path)),
        Location::Parts(LocationParts { scheme, host: None, port: None, path: new, .. }) => {
            let is_own_path = match new {
                None => true,
                Some(NewPath::Template(to)) => is_own(to, path),
                Some(NewPath::Regex { .. }) => false,
            };
            (*scheme, is_own_path)
        }
        // The host, or the port, is another one for nearly all requests.
        Location::Parts(_) => return,
    };
    if may_differ || !is_own_path {
        return;
    }
    let is_own_scheme = |listener: &u32| match (scheme, known.has_tls.get(*listener as usize)) {
        (None, Some(_)) | (Some("https"), Some(true)) | (Some("http"), Some(false)) => true,
        (_, _) => false,
    };
    let all: Vec<u32> = match listeners {
        [] => (0..).take(known.has_tls.len()).collect(),
        listeners => listeners.iter().map(|ListenerId(index)| *index).collect(),
    };
    if let Some(listener) = all.into_iter().find(is_own_scheme) {
        let name = known.listeners.name(listener).unwrap_or_default();
        let message = format!("on the listener `{name}` this redirect leads back to the address that was asked for");
        let hint = "change the scheme, the host or the path, or name the `listeners` that the route is for";
        report.error_with_hint(&node.place, message, hint);
    }
}

/// Whether a target has the path that was asked for, whatever its query.
fn is_own(target: &Template, path: Option<&PathPattern>) -> bool {
    path.and_then(as_template).is_some_and(|own| own == without_query(target))
}

fn without_query(target: &Template) -> Vec<TemplatePart> {
    let mut parts = Vec::new();
    for part in &target.0 {
        match part {
            TemplatePart::Literal(text) => match text.split_once('?') {
                Some((path, _)) => {
                    push(&mut parts, path);
                    break;
                }
                None => push(&mut parts, text),
            },
            TemplatePart::Capture(index) => parts.push(TemplatePart::Capture(*index)),
        }
    }
    parts
}

/// What makes the path again out of what a pattern captures.
fn as_template(path: &PathPattern) -> Option<Vec<TemplatePart>> {
    let (mut parts, mut literal) = (Vec::new(), String::new());
    match path {
        PathPattern::Exact(path) => literal.push_str(path),
        PathPattern::Prefix(prefix) => {
            push(&mut parts, prefix.trim_end_matches('/'));
            parts.push(TemplatePart::Capture(0));
        }
        PathPattern::Template(segments) => {
            let mut captures = 0..;
            for segment in segments {
                literal.push('/');
                if let Segment::Literal(text) = segment {
                    literal.push_str(text);
                } else {
                    push(&mut parts, &std::mem::take(&mut literal));
                    parts.extend(captures.next().map(TemplatePart::Capture));
                }
            }
        }
        PathPattern::Wildcard { .. } | PathPattern::Regex(_) => return None,
    }
    push(&mut parts, &literal);
    Some(parts)
}

fn push(parts: &mut Vec<TemplatePart>, text: &str) {
    if !text.is_empty() {
        parts.push(TemplatePart::Literal(text.into()));
    }
}

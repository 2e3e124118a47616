//! Text with holes that a route's path fills: `/internal/{id}`.
//!
//! Errors are messages; what follows their first `"; "` is the hint.

use std::sync::Arc;

use crate::{
    FromText, Node, PathPattern, Report, Template, TemplatePart, nearest,
    values::{HostValue, is_capture_name},
};

/// The path of a rewrite. `matched` is the path of the route.
///
/// What comes of it is brought into normal form for each request, so what stands in the holes is no concern here.
pub(super) fn rewritten(text: &str, matched: Option<&PathPattern>) -> Result<Template, String> {
    path(text, &matched.map(PathPattern::captures).unwrap_or_default())
}

/// What stands instead of a path that `regex` matches. Its named groups come first, then what the route's path captures.
pub(super) fn substituted(text: &str, regex: &regex::Regex, matched: Option<&PathPattern>) -> Result<Template, String> {
    let groups = regex.capture_names().flatten();
    let captures: Vec<&str> = groups.chain(matched.into_iter().flat_map(PathPattern::captures)).collect();
    path(text, &captures)
}

/// A text of any kind, in which braces around anything but a name stand for themselves.
pub(super) fn text(text: &str, matched: Option<&PathPattern>) -> Result<Template, String> {
    let captures = matched.map(PathPattern::captures).unwrap_or_default();
    Template::read_text(text, |name| {
        index(name, &captures).map_err(|message| format!("{message} (for the text itself write `{{{{{name}}}}}`)"))
    })
}

/// Reports a template that could not be read.
pub(super) fn complain(node: &Node, template: Result<Template, String>, report: &mut Report) -> Option<Template> {
    template
        .map_err(|message| match message.split_once("; ") {
            Some((message, hint)) => report.error_with_hint(&node.place, message, hint),
            None => report.error(&node.place, message),
        })
        .ok()
}

/// The value of a parameter.
pub(super) fn value(text: &str, matched: Option<&PathPattern>) -> Result<Template, String> {
    read(text, &matched.map(PathPattern::captures).unwrap_or_default())
}

/// A host with holes. What fills them is checked for each request, so only the rest is looked at here.
pub(super) fn host(text: &str, matched: Option<&PathPattern>) -> Result<Template, String> {
    let template = value(text, matched)?;
    let sample: String = template
        .0
        .iter()
        .map(|part| match part {
            TemplatePart::Literal(text) => text,
            TemplatePart::Capture(_) => "a",
        })
        .collect();
    HostValue::from_text(&sample).map(|_| template).map_err(|_| format!("`{text}` makes no host"))
}

/// What a redirect leads to: a path, or an address with its scheme. `matched` is the path of the route.
///
/// Where it leads is the writer's choice: a template by which a request could choose the host is refused.
pub(super) fn location(text: &str, matched: Option<&PathPattern>) -> Result<Template, String> {
    let captures = matched.map(PathPattern::captures).unwrap_or_default();
    let refuse = |message: &str| Err(message.to_owned());
    if let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
        check_host(rest, matched)?;
        visible(text)?;
        return read(text, &captures);
    }
    match text.as_bytes() {
        [b'/', b'{', ..] if matches!(matched, Some(PathPattern::Prefix(_) | PathPattern::Regex(_))) => refuse(
            "what fills the `{}` can begin with a `/`, and `//` leads to another host; \
             write `/new{rest}`, or match with a template such as `/old/{rest...}`",
        ),
        [b'/', ..] => path(text, &captures),
        [b'{', ..] => refuse("a redirect that begins with `{` lets the request choose the host; put a `/` in front"),
        _ => Err(format!("expected a path, or an address with `https://`, found `{text}`")),
    }
}

/// The host of an address that [`location`] takes, if it has holes: what fills them may hold a slash, or a port.
pub(super) fn host_with_holes(text: &str, matched: Option<&PathPattern>) -> Option<Template> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = host_in(rest);
    let host = match matched {
        Some(PathPattern::Prefix(_)) => host.strip_suffix("{rest}").unwrap_or(host),
        _ => host,
    };
    let captures = matched.map(PathPattern::captures).unwrap_or_default();
    if host.contains('{') { read(host, &captures).ok() } else { None }
}

fn host_in(rest: &str) -> &str {
    &rest[..rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len())]
}

/// Checks what follows the scheme of an address.
fn check_host(rest: &str, matched: Option<&PathPattern>) -> Result<(), String> {
    let host = host_in(rest);
    if host.is_empty() || host.contains('@') {
        return Err("an address without a host behind its scheme; for example `https://example.org{rest}`".to_owned());
    }
    // What follows a prefix is empty or begins with a slash, so it ends the host.
    let before_rest = host.strip_suffix("{rest}").filter(|_| matches!(matched, Some(PathPattern::Prefix(_))));
    let before_rest = before_rest.filter(|before| !before.is_empty());
    let host = before_rest.unwrap_or(host);
    let Some((_, behind)) = host.rsplit_once('}') else { return Ok(()) };
    if behind.is_empty() {
        return Err("a host that ends with `}` lets the request choose it; put a `/` in front of the `{`".to_owned());
    }
    // `{id}example.org` could be `evilexample.org`; what fills the hole is held to be a part of a host at run time.
    if !behind.starts_with('.') && behind.matches('.').count() < 2 {
        return Err(format!(
            "what fills the `{{}}` could make another host of `{behind}`; write a `.` behind the `}}`"
        ));
    }
    Ok(())
}

fn path(text: &str, captures: &[&str]) -> Result<Template, String> {
    if !text.starts_with('/') {
        return Err(format!("a path begins with `/`, and `{text}` does not; write `/{text}`"));
    }
    if text.starts_with("//") || text.starts_with("/\\") {
        return Err("a path that begins with `//` names another host; write a single `/`".to_owned());
    }
    visible(text)?;
    read(text, captures)
}

/// Reads a template whose names must be among `captures`.
fn read(text: &str, captures: &[&str]) -> Result<Template, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (literal, hole) = rest.split_at(open);
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(Arc::from(literal)));
        }
        let Some((name, behind)) = hole.strip_prefix('{').and_then(|hole| hole.split_once('}')) else {
            let brace = &hole[..1];
            return Err(format!("`{brace}` without its other half; write `%7B` for `{{` and `%7D` for `}}`"));
        };
        parts.push(TemplatePart::Capture(index(name, captures)?));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(TemplatePart::Literal(Arc::from(rest)));
    }
    Ok(Template(parts))
}

fn index(name: &str, captures: &[&str]) -> Result<usize, String> {
    if let Some(index) = captures.iter().position(|capture| *capture == name) {
        return Ok(index);
    }
    if let Some(plain) = name.strip_suffix("...").filter(|plain| captures.contains(plain)) {
        return Err(format!("the dots of `{{{name}}}` stand in the match only; write `{{{plain}}}`"));
    }
    if let Some((plain, _)) = name.split_once(':').filter(|(plain, _)| captures.contains(plain)) {
        return Err(format!("the type of `{{{name}}}` stands in the match only; write `{{{plain}}}`"));
    }
    if !is_capture_name(name) {
        return Err(format!("`{{{name}}}` is no name; begin it with a letter and go on with letters, digits or `_`"));
    }
    let hint = match (nearest(name, captures.iter().copied()), captures) {
        (Some(near), _) => format!("did you mean `{{{near}}}`?"),
        (None, []) => "it captures nothing: only templates, prefixes and named groups of a regex do".to_owned(),
        (None, captures) => {
            let known: Vec<String> = captures.iter().map(|capture| format!("`{{{capture}}}`")).collect();
            format!("it captures {}", known.join(", "))
        }
    };
    Err(format!("the path of this route does not capture `{{{name}}}`; {hint}"))
}

/// What can stand in a header field as it is.
fn visible(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(()),
        Some(odd) => Err(format!("{odd:?} cannot stand in an address; write it percent-encoded")),
    }
}

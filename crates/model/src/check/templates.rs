//! Text with holes that a route's path fills: `/internal/{id}`.

use std::sync::Arc;

use crate::{Template, TemplatePart, nearest, values::is_capture_name};

/// Reads a template whose names must be among `captures`.
///
/// # Errors
/// A message; what follows its first `"; "` is the hint.
pub(super) fn read(text: &str, captures: &[&str]) -> Result<Template, String> {
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

/// The path of a rewrite, or what a redirect leads to within the same host.
pub(super) fn path(text: &str, captures: &[&str]) -> Result<Template, String> {
    if !text.starts_with('/') {
        return Err(format!("a path begins with `/`, and `{text}` does not; write `/{text}`"));
    }
    if text.starts_with("//") {
        return Err("a path that begins with `//` names another host; write a single `/`".to_owned());
    }
    visible(text)?;
    read(text, captures)
}

/// What a redirect leads to: a path, or an address with its scheme.
pub(super) fn location(text: &str, captures: &[&str]) -> Result<Template, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        if text.starts_with('{') {
            return Err(
                "a redirect begins with `/` or a scheme, so that no request chooses the host; put a `/` in front"
                    .to_owned(),
            );
        }
        return path(text, captures).map_err(|message| match text.starts_with('/') {
            true => message,
            false => format!("expected a path, or an address with `https://`, found `{text}`"),
        });
    };
    let host = rest.split(['/', '?', '#', '{']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return Err(format!("`{text}` has no host behind its scheme; for example `https://example.org{{rest}}`"));
    }
    visible(text)?;
    read(text, captures)
}

/// What can stand in a header field as it is.
fn visible(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(()),
        Some(odd) => Err(format!("{odd:?} cannot stand in an address; write it percent-encoded")),
    }
}

//! Reading texts with holes: header values, bodies, names of upstreams.

use crate::{CaptureType, Template, TemplatePart, values::is_capture_name};

// === impl Template ===

impl Template {
    /// Reads a text of any kind, in which `{name}` is a hole and `{{name}}` stands for `{name}`. Every other brace stands for
    /// itself, so that JSON needs no care. `index` knows the names.
    ///
    /// # Errors
    /// What `index` says of a name. What follows the first `"; "` is the hint.
    pub fn read_text(text: &str, index: impl Fn(&str) -> Result<usize, String>) -> Result<Self, String> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(open) = rest.find('{') {
            literal.push_str(&rest[..open]);
            rest = &rest[open..];
            if let Some((name, behind)) = enclosed(rest, "{{", "}}").filter(|(name, _)| is_capture_name(name)) {
                literal.extend(["{", name, "}"]);
                rest = behind;
                continue;
            }
            let Some((inside, behind)) = enclosed(rest, "{", "}") else {
                literal.push('{');
                rest = &rest[1..];
                continue;
            };
            if let Some(name) = name_of_match(inside).filter(|name| index(name).is_ok()) {
                return Err(format!("`{{{inside}}}` is how a match is written; write `{{{name}}}`"));
            }
            if is_capture_name(inside) {
                if !literal.is_empty() {
                    parts.push(TemplatePart::Literal(std::mem::take(&mut literal).into()));
                }
                parts.push(TemplatePart::Capture(index(inside)?));
                rest = behind;
            } else {
                literal.push('{');
                rest = &rest[1..];
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(TemplatePart::Literal(literal.into()));
        }
        Ok(Self(parts))
    }

    /// The text, if it has no holes.
    pub fn fixed(&self) -> Option<&str> {
        match &*self.0 {
            [TemplatePart::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

fn enclosed<'t>(text: &'t str, open: &str, close: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(open)?.split_once(close)
}

/// The name in `name...` or `name:type`, which stand in matches only.
fn name_of_match(inside: &str) -> Option<&str> {
    let typed = |(name, typed): (&'_ str, &'_ str)| {
        CaptureType::ALL.into_iter().any(|known| known.name() == typed).then_some(name.len())
    };
    let length = match inside.strip_suffix("...") {
        Some(name) => Some(name.len()),
        None => inside.split_once(':').and_then(typed),
    };
    length.map(|length| &inside[..length]).filter(|name| is_capture_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        let index = |name: &str| match name {
            "id" => Ok(0),
            "rest" => Ok(1),
            _ => Err(format!("no `{name}`")),
        };
        let template = Template::read_text(text, index)?;
        let part = |part: &TemplatePart| match part {
            TemplatePart::Literal(text) => text.to_string(),
            TemplatePart::Capture(index) => ["7", "/a"][*index].to_owned(),
        };
        Ok(template.0.iter().map(part).collect())
    }

    #[test]
    fn names_are_holes_and_other_braces_are_not() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{id}", "7"),
            ("a{id}b{rest}", "a7b/a"),
            (r#"{"a":{"b":{}}}"#, r#"{"a":{"b":{}}}"#),
            (r#"{"id":"{id}","in":{"n":{id}}}"#, r#"{"id":"7","in":{"n":7}}"#),
            ("{{id}} is {id}", "{id} is 7"),
            ("{{nobody}}", "{nobody}"),
            ("{{\"a\":1}}", "{{\"a\":1}}"),
            ("{ id }{1}{", "{ id }{1}{"),
            ("}{-}}", "}{-}}"),
            ("{x...}{id:1}", "{x...}{id:1}"),
        ] {
            assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_here_is_told() {
        for (text, expected) in [
            ("a {nobody}", "no `nobody`"),
            ("{rest...}", "`{rest...}` is how a match is written; write `{rest}`"),
            ("{id:int}", "`{id:int}` is how a match is written; write `{id}`"),
        ] {
            assert_eq!(rendered(text), Err(expected.to_owned()), "{text}");
        }
    }
}

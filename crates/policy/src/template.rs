//! Text with holes that the captures of a route fill.

use message::Exchange;
use model::{TemplatePart, is_capture_name, nearest};

use crate::Site;

/// `/internal/{id}`, its names checked and turned into indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(model::Template);

// === impl Template ===

impl Template {
    /// Reads a text of settings, in which `{name}` stands for what the path of the route captures. Braces around anything but a
    /// name mean themselves, as in JSON; `{{name}}` stands for `{name}` itself.
    ///
    /// # Errors
    /// A message; what follows its first `"; "` is the hint.
    pub fn read(text: &str, site: &Site<'_>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            literal.push_str(&rest[..brace]);
            rest = &rest[brace..];
            let name = rest
                .strip_prefix('{')
                .and_then(|hole| Some(hole.split_once('}')?.0))
                .filter(|name| is_capture_name(name));
            match name {
                _ if escaped(rest).is_some() => {
                    let name = escaped(rest).unwrap_or_default();
                    literal.push_str(&rest[1..name.len() + 3]);
                    rest = &rest[name.len() + 4..];
                }
                Some(name) => {
                    if !literal.is_empty() {
                        parts.push(TemplatePart::Literal(std::mem::take(&mut literal).into()));
                    }
                    parts.push(TemplatePart::Capture(index(name, site)?));
                    rest = &rest[name.len() + 2..];
                }
                None => {
                    literal.push_str(&rest[..1]);
                    rest = &rest[1..];
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(TemplatePart::Literal(literal.into()));
        }
        Ok(Self(model::Template(parts)))
    }

    /// The text, if it has no hole.
    pub fn fixed(&self) -> Option<&str> {
        match &*self.0.0 {
            [TemplatePart::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text, its holes filled with what the route of `exchange` captured.
    pub fn render(&self, exchange: &Exchange) -> String {
        self.render_with(|index| exchange.capture(index))
    }

    /// The same for a target: what fills a hole behind a `?` stays one value, whatever it holds.
    pub fn render_target<'c>(&self, capture: impl Fn(usize) -> &'c str) -> String {
        let mut text = String::with_capacity(64);
        let mut in_query = false;
        for part in &self.0.0 {
            match part {
                TemplatePart::Literal(literal) => {
                    in_query |= literal.contains('?');
                    text.push_str(literal);
                }
                TemplatePart::Capture(index) if in_query => capture(*index).chars().for_each(|letter| match letter {
                    '&' => text.push_str("%26"),
                    '+' => text.push_str("%2B"),
                    '=' => text.push_str("%3D"),
                    ';' => text.push_str("%3B"),
                    letter => text.push(letter),
                }),
                TemplatePart::Capture(index) => text.push_str(capture(*index)),
            }
        }
        text
    }

    /// The same for captures of any kind.
    pub fn render_with<'c>(&self, capture: impl Fn(usize) -> &'c str) -> String {
        let mut text = String::with_capacity(64);
        for part in &self.0.0 {
            match part {
                TemplatePart::Literal(literal) => text.push_str(literal),
                TemplatePart::Capture(index) => text.push_str(capture(*index)),
            }
        }
        text
    }
}

/// The name in `{{name}}`. Double braces around anything else are braces, as in JSON.
fn escaped(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("{{")?.split_once("}}")?;
    is_capture_name(name).then_some(name)
}

fn index(name: &str, site: &Site<'_>) -> Result<usize, String> {
    let Some(captures) = site.captures else {
        return Err(format!(
            "`{{{name}}}` stands for what a route captures, and this policy is not on a route; \
             move it to the route, or write `{{{{{name}}}}}` for the text itself"
        ));
    };
    captures.iter().position(|capture| *capture == name).ok_or_else(|| match nearest(name, captures.iter().copied()) {
        Some(near) => format!("the path of this route does not capture `{{{name}}}`; did you mean `{{{near}}}`?"),
        None => format!(
            "the path of this route does not capture `{{{name}}}`; write `{{{{{name}}}}}` if the text itself is meant"
        ),
    })
}

impl From<model::Template> for Template {
    fn from(template: model::Template) -> Self {
        Self(template)
    }
}

#[cfg(test)]
mod tests {
    use model::Place;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let place = Place { file: "test".into(), line: 1, column: 1 };
        let captures = ["id", "rest"];
        let site = Site { place: &place, captures: Some(&captures) };
        let rendered = Template::read(text, &site).map(|template| template.render_with(|index| ["7", "a/b"][index]));
        assert_eq!(rendered.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn holes_are_filled_and_other_braces_are_braces() {
        check("", Ok(""));
        check("user {id}: {rest}", Ok("user 7: a/b"));
        check("{id}{id}", Ok("77"));
        check(r#"{"group":"{id}","max_age":1}"#, Ok(r#"{"group":"7","max_age":1}"#));
        check("{{id}} {} { } } {", Ok("{id} {} { } } {"));
        check(r#"{"a":{"b":{}}} {{"#, Ok(r#"{"a":{"b":{}}} {{"#));
        check("{ids}", Err("the path of this route does not capture `{ids}`; did you mean `{id}`?"));
        check(
            "{x1}",
            Err("the path of this route does not capture `{x1}`; write `{{x1}}` if the text itself is meant"),
        );
    }

    #[test]
    fn where_there_is_no_route_there_are_no_holes() {
        let place = Place { file: "test".into(), line: 1, column: 1 };
        let site = Site { place: &place, captures: None };
        assert!(Template::read("{id}", &site).unwrap_err().starts_with("`{id}` stands for what a route captures"));
        assert_eq!(Template::read("{{id}} {\"a\":1}", &site).unwrap().fixed(), Some("{id} {\"a\":1}"));
    }
}

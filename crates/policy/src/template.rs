//! Text with holes that the captures of a route fill.

use message::Exchange;
use model::{TemplatePart, nearest};

use crate::Site;

/// `/internal/{id}`, its names checked and turned into indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(model::Template);

// === impl Template ===

impl Template {
    /// Reads a text of settings, in which `{name}` stands for what the path of the route captures, and `{{name}}` for the text
    /// `{name}`. Other braces stand for themselves, as in JSON.
    ///
    /// # Errors
    /// A message; what follows its first `"; "` is the hint.
    pub fn read(text: &str, site: &Site<'_>) -> Result<Self, String> {
        model::Template::read_text(text, |name| index(name, site)).map(Self)
    }

    /// The text, if it has no hole.
    pub fn fixed(&self) -> Option<&str> {
        self.0.fixed()
    }

    /// What stands before the first `?`, and what follows it.
    pub fn split_query(self) -> (Self, Option<Self>) {
        let Self(model::Template(mut path)) = self;
        let place = path.iter().enumerate().find_map(|(index, part)| match part {
            TemplatePart::Literal(text) => Some((index, text.find('?')?)),
            TemplatePart::Capture(_) => None,
        });
        let Some((index, at)) = place else { return (Self(model::Template(path)), None) };
        let mut query = path.split_off(index);
        if let Some(TemplatePart::Literal(text)) = query.first().cloned() {
            path.push(TemplatePart::Literal(text[..at].into()));
            query[0] = TemplatePart::Literal(text[at + 1..].into());
        }
        (Self(model::Template(path)), Some(Self(model::Template(query))))
    }

    /// The text, its holes filled with what the route of `exchange` captured.
    pub fn render(&self, exchange: &Exchange) -> String {
        self.render_with(|index| exchange.capture(index))
    }

    /// The same for a query: what fills a hole cannot end the parameter that it stands in.
    pub fn render_query<'c>(&self, capture: impl Fn(usize) -> &'c str) -> String {
        let mut text = String::with_capacity(64);
        for part in &self.0.0 {
            match part {
                TemplatePart::Literal(literal) => text.push_str(literal),
                TemplatePart::Capture(index) => push_part(capture(*index), &mut text),
            }
        }
        text
    }

    /// The text for captures of any kind.
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

/// Encodes what ends a parameter, or means something else than itself in one; what a path had to encode is encoded already.
fn push_part(part: &str, query: &mut String) {
    for letter in part.chars() {
        match letter {
            '&' => query.push_str("%26"),
            '=' => query.push_str("%3D"),
            '+' => query.push_str("%2B"),
            ';' => query.push_str("%3B"),
            _ => query.push(letter),
        }
    }
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
    use std::sync::Arc;

    use model::Place;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let place = Place { file: "test".into(), line: 1, column: 1 };
        let captures = ["id", "rest"];
        let site = Site { place: &place, captures: Some(&captures), consumers: &Arc::default() };
        let rendered = Template::read(text, &site).map(|template| template.render_with(|index| ["7", "a/b"][index]));
        assert_eq!(rendered.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn holes_are_filled_and_other_braces_are_braces() {
        check("", Ok(""));
        check("user {id}: {rest}", Ok("user 7: a/b"));
        check("{id}{id}", Ok("77"));
        check(r#"{"group":"{id}","max_age":1}"#, Ok(r#"{"group":"7","max_age":1}"#));
        check(r#"{"a":{"b":{}}}"#, Ok(r#"{"a":{"b":{}}}"#));
        check("{{id}} {} { } } {", Ok("{id} {} { } } {"));
        check(r#"{"a":{"b":{}}} {{"#, Ok(r#"{"a":{"b":{}}} {{"#));
        check("{ids}", Err("the path of this route does not capture `{ids}`; did you mean `{id}`?"));
        check(
            "{x1}",
            Err("the path of this route does not capture `{x1}`; write `{{x1}}` if the text itself is meant"),
        );
    }

    #[test]
    fn a_capture_ends_no_parameter() {
        let place = Place { file: "test".into(), line: 1, column: 1 };
        let site = Site { place: &place, captures: Some(&["id"]), consumers: &Arc::default() };
        let split = |text| Template::read(text, &site).unwrap().split_query();
        let (path, query) = split("/a/{id}?id={id}&b=c?d");
        assert_eq!(path.render_with(|_| "7&x=1"), "/a/7&x=1");
        assert_eq!(query.unwrap().render_query(|_| "7&x=1;y+%20"), "id=7%26x%3D1%3By%2B%20&b=c?d");
        let (path, query) = split("/a/{id}?");
        assert_eq!((path.render_with(|_| "7"), query.unwrap().render_query(|_| "7")), ("/a/7".into(), String::new()));
        assert_eq!(split("/a/{id}").1, None);
    }

    #[test]
    fn where_there_is_no_route_there_are_no_holes() {
        let place = Place { file: "test".into(), line: 1, column: 1 };
        let site = Site { place: &place, captures: None, consumers: &Arc::default() };
        assert!(Template::read("{id}", &site).unwrap_err().starts_with("`{id}` stands for what a route captures"));
        assert_eq!(Template::read("{{id}} {\"a\":1}", &site).unwrap().fixed(), Some("{id} {\"a\":1}"));
    }
}

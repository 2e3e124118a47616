//! Sets, adds and removes header fields.

use std::{borrow::Cow, fmt};

use http::{HeaderMap, HeaderName, HeaderValue};
use message::{Cause, Error, Exchange, Response, Result};
use model::Report;
use policy::{BuildError, Manual, Policy, PolicyKind, Site, Stage, Step, Template};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use crate::common::{self, EditableName, OneOrMany, Value, step};

pub(crate) struct Headers {
    request: Edits,
    response: Edits,
}

/// Changes as they are applied: all names and values are ready to be put in.
struct Edits {
    remove: Box<[HeaderName]>,
    set: Box<[(HeaderName, Line)]>,
    add: Box<[(HeaderName, Line)]>,
}

enum Line {
    Fixed(HeaderValue),
    /// With what the route captured.
    Made(Template),
}

/// Settings of `headers`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "headers")]
pub(crate) struct Config {
    /// Changes to the request before it goes to the upstream.
    request: Changes,
    /// Changes to the response before it goes to the client; also to the gateway's own.
    response: Changes,
}

/// Made in this order: remove, set, add.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Changes {
    /// Fields that are taken away.
    remove: OneOrMany<EditableName>,
    /// Fields that get a value, or several lines, instead of what they had.
    set: Fields,
    /// Fields that get a line, or several, beside what they have.
    add: Fields,
}

/// Names with their lines, in the order written.
#[derive(Debug, Default)]
struct Fields(Vec<(EditableName, OneOrMany<Value>)>);

// === impl Headers ===

impl PolicyKind for Headers {
    const NAME: &'static str = "headers";
    const STAGE: Stage = Stage::Transform;
    type Config = Config;
    type Policy = Self;

    fn manual() -> Manual {
        Manual {
            summary: "sets, adds and removes header fields of requests and responses",
            description: "`remove` comes first, then `set`, then `add`; a field that is removed and added is thus \
                          replaced by the lines that are added. Names are the same in any spelling. Responses are \
                          changed wherever they come from, so that security fields also stand on errors of the \
                          gateway itself.\n\n\
                          On a route, values may hold what its path captures, as in `x-user: \"{id}\"`. Braces around anything but \
                          such a name mean themselves; `{{id}}` stands for `{id}` itself.\n\n\
                          Fields that the gateway must get right itself are refused: `Host`, `Content-Length`, and \
                          those that concern one hop only, such as `Connection` and `Transfer-Encoding`.",
            example: "headers:\n  \
                        request:\n    \
                          remove: [x-debug]\n    \
                          set: { x-tenant: acme }\n  \
                        response:\n    \
                          remove: [server, x-powered-by]\n    \
                          set:\n      \
                            strict-transport-security: max-age=31536000\n      \
                            x-content-type-options: nosniff\n    \
                          add: { link: [\"</a.css>; rel=preload\", \"</b.css>; rel=preload\"] }\n",
        }
    }

    fn check(config: &Config, site: &Site<'_>, report: &mut Report) {
        config.request.check("request", site, report);
        config.response.check("response", site, report);
        if config.request.is_empty() && config.response.is_empty() {
            report.warning(site.place, "these `headers` change nothing");
        }
    }

    fn build(config: Config, site: &Site<'_>) -> Result<Self, BuildError> {
        let edits = |changes| Edits::new(changes, site).map_err(BuildError);
        Ok(Self { request: edits(config.request)?, response: edits(config.response)? })
    }
}

impl Policy for Headers {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        // Taken out, so that lines can be made of the exchange meanwhile.
        let mut headers = std::mem::take(&mut exchange.head.headers);
        let applied = self.request.apply(&mut headers, exchange);
        exchange.head.headers = headers;
        step(applied)
    }

    fn on_response<'a>(&'a self, exchange: &'a mut Exchange, response: &'a mut Response) -> Step<'a> {
        step(self.response.apply(response.headers_mut(), exchange))
    }
}

// === impl Edits ===

impl Edits {
    fn new(changes: Changes, site: &Site<'_>) -> std::result::Result<Self, String> {
        Ok(Self {
            remove: changes.remove.0.into_iter().map(|EditableName(name)| name).collect(),
            set: changes.set.into_lines(site)?,
            add: changes.add.into_lines(site)?,
        })
    }

    fn apply(&self, headers: &mut HeaderMap, exchange: &Exchange) -> Result<()> {
        for name in &self.remove {
            headers.remove(name);
        }
        let mut previous = None;
        for (name, line) in &self.set {
            // Further lines of the same field stand beside the first.
            if previous.replace(name) == Some(name) {
                common::add(headers, name, line.value(exchange)?)?;
            } else {
                common::set(headers, name, line.value(exchange)?)?;
            }
        }
        self.add.iter().try_for_each(|(name, line)| common::add(headers, name, line.value(exchange)?))
    }
}

// === impl Line ===

impl Line {
    fn new(value: &HeaderValue, site: &Site<'_>) -> std::result::Result<Self, String> {
        // It was read from a text.
        let template = Template::read(str::from_utf8(value.as_bytes()).unwrap_or_default(), site)?;
        match template.fixed().map(|text| HeaderValue::from_bytes(text.as_bytes())) {
            Some(Ok(value)) => Ok(Self::Fixed(value)),
            _ => Ok(Self::Made(template)),
        }
    }

    fn value(&self, exchange: &Exchange) -> Result<HeaderValue> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Made(template) => {
                // A hole at an end may be empty, and no value ends in white space (RFC 9113, 8.2.1).
                let text = template.render(exchange);
                HeaderValue::from_bytes(text.trim_matches([' ', '\t']).as_bytes()).map_err(|error| {
                    Error::new(Cause::PolicyFailed, "what was captured cannot stand in a header field")
                        .with_source(error)
                })
            }
        }
    }
}

// === impl Changes ===

impl Changes {
    fn is_empty(&self) -> bool {
        self.remove.0.is_empty() && self.set.0.is_empty() && self.add.0.is_empty()
    }

    fn check(&self, side: &str, site: &Site<'_>, report: &mut Report) {
        let place = site.place;
        let lines = self.set.0.iter().chain(&self.add.0).flat_map(|(_, OneOrMany(lines))| lines);
        for Value(line) in lines {
            if let Err(message) = Line::new(line, site) {
                match message.split_once("; ") {
                    Some((message, hint)) => report.error_with_hint(place, message, hint),
                    None => report.error(place, message),
                }
            }
        }
        for (EditableName(name), lines) in &self.set.0 {
            if self.remove.0.iter().any(|removed| removed.0 == *name) {
                report.error_with_hint(
                    place,
                    format!("`{name}` is both removed from the {side} and set"),
                    "`set` alone replaces what is there",
                );
            }
            if lines.0.is_empty() {
                report.error_with_hint(
                    place,
                    format!("`{name}` is set to no value in the {side}"),
                    "name it in `remove` to take it away",
                );
            }
        }
    }
}

// === impl Fields ===

impl Fields {
    fn into_lines(self, site: &Site<'_>) -> std::result::Result<Box<[(HeaderName, Line)]>, String> {
        let lines = |(EditableName(name), OneOrMany(values)): (EditableName, OneOrMany<Value>)| {
            values.into_iter().map(move |Value(value)| Ok((name.clone(), Line::new(&value, site)?)))
        };
        self.0.into_iter().flat_map(lines).collect()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from names of header fields to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields: Vec<(EditableName, _)> = Vec::new();
        while let Some(name) = map.next_key::<EditableName>()? {
            let lines = map.next_value()?;
            if fields.iter().any(|(other, _)| *other == name) {
                let name = name.0;
                return Err(de::Error::custom(format_args!(
                    "`{name}` stands twice, in two spellings; keep one of them"
                )));
            }
            fields.push((name, lines));
        }
        Ok(Fields(fields))
    }
}

impl JsonSchema for Fields {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let lines = generator.subschema_for::<OneOrMany<Value>>();
        schemars::json_schema!({ "type": "object", "additionalProperties": lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, check, exchange, lines, response, run};

    #[test]
    fn remove_set_add_in_this_order() {
        for (changes, before, after) in [
            ("{ set: { A: new } }", &[("a", "1"), ("a", "2")][..], &["a: new"][..]),
            ("{ set: { a: [x, y] } }", &[("a", "1")], &["a: x", "a: y"]),
            ("{ set: { a: x, b: y } }", &[], &["a: x", "b: y"]),
            ("{ add: { a: [x, y] } }", &[("a", "1")], &["a: 1", "a: x", "a: y"]),
            ("{ remove: a }", &[("a", "1"), ("a", "2"), ("b", "3")], &["b: 3"]),
            ("{ remove: [A, b], add: { a: new } }", &[("a", "1"), ("b", "2")], &["a: new"]),
            ("{ set: { a: x }, add: { a: y } }", &[("a", "1")], &["a: x", "a: y"]),
            ("{ set: { a: \"\" } }", &[("a", "1")], &["a: "]),
        ] {
            let policy = build::<Headers>(&format!("request: {changes}\nresponse: {changes}"));
            let mut exchange = exchange("GET", before);
            let mut response = response(404, before, bytes::Bytes::new());
            run(&*policy, &mut exchange, &mut response);
            assert_eq!(lines(&exchange.head.headers), after, "{changes}");
            assert_eq!(lines(response.headers()), after, "{changes}");
        }
    }

    #[test]
    fn lines_hold_what_the_route_captured() {
        let policy = build::<Headers>(
            "request: { set: { x-user: \"{id}\" } }\nresponse: { add: { x-nel: '{\"id\":\"{id}\"}' } }",
        );
        let mut exchange = exchange("GET", &[]);
        exchange.head.uri = "/users/7".parse().unwrap();
        exchange.captures = message::Captures::one(7, 8);
        assert!(crate::testing::request(&*policy, &mut exchange).is_none());
        // A rewrite does not change what was captured.
        exchange.set_target("/internal".parse().unwrap());
        let mut response = response(200, &[], bytes::Bytes::new());
        assert!(matches!(policy.on_response(&mut exchange, &mut response), Step::Continue));
        assert_eq!(lines(&exchange.head.headers), ["x-user: 7"]);
        assert_eq!(lines(response.headers()), ["x-nel: {\"id\":\"7\"}"]);
        assert_eq!(
            check::<Headers>("request: { set: { a: \"{idd}\" } }"),
            ["1:1: error: the path of this route does not capture `{idd}`; did you mean `{id}`?"]
        );
    }

    #[test]
    fn each_side_for_itself() {
        let policy = build::<Headers>("response: { set: { a: x } }");
        let mut exchange = exchange("GET", &[]);
        let mut response = response(200, &[], bytes::Bytes::new());
        run(&*policy, &mut exchange, &mut response);
        assert!(exchange.head.headers.is_empty());
        assert_eq!(lines(response.headers()), ["a: x"]);
    }

    #[test]
    fn a_message_without_room_fails_instead_of_panicking() {
        let policy = build::<Headers>("request: { add: { last: straw } }");
        let mut exchange = exchange("GET", &[]);
        for number in 0..=u16::MAX {
            let name = HeaderName::try_from(format!("x-{number}")).unwrap();
            if exchange.head.headers.try_insert(name, HeaderValue::from_static("1")).is_err() {
                break;
            }
        }
        assert!(matches!(policy.on_request(&mut exchange), Step::Fail(_)));
    }

    #[test]
    fn every_problem_has_its_place() {
        let settings =
            "request:\n  set:\n    Host: a\n    x y: b\n    ok: \"a\\nb\"\n  remove: [te, fine]\nrespond: {}";
        assert_eq!(
            check::<Headers>(settings),
            [
                "7:1: error: unknown key `respond`; did you mean `response`?",
                "3:5: error: `host` cannot be changed by a policy: it says where the request goes; set `rewrite.host` of \
                 the route, or `host` of the upstream",
                "4:5: error: `x y` is no name of a header field; letters, digits and `-` are, as in `x-tenant`",
                "5:9: error: the value of a header field holds a control character",
                "6:12: error: `te` cannot be changed by a policy: it concerns one hop only; the gateway writes it for \
                 each side",
            ]
        );
    }

    #[test]
    fn contradictions() {
        for (settings, expected) in [
            ("{}", "1:1: warning: these `headers` change nothing"),
            (
                "{ request: { remove: a, set: { A: b } } }",
                "1:1: error: `a` is both removed from the request and set; `set` alone replaces what is there",
            ),
            (
                "{ response: { set: { a: [] } } }",
                "1:1: error: `a` is set to no value in the response; name it in `remove` to take it away",
            ),
            (
                "{ response: { set: { a: x, A: y } } }",
                "1:20: error: `a` stands twice, in two spellings; keep one of them",
            ),
            ("{ response: { set: { a: 1 } } }", "1:25: error: expected a text, found the number 1; put it in quotes"),
        ] {
            assert_eq!(check::<Headers>(settings), [expected], "{settings}");
        }
    }
}

//! What stands behind the `?`.

use std::collections::BTreeMap;

use http::StatusCode;

use listen::Problem;

/// Something that may stand there.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// For people.
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// What may be said with it.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    /// Its name alone says yes.
    Flag,
    Number {
        least: u64,
        most: u64,
        /// If nobody says.
        default: Option<u64>,
    },
    /// One of these words, some with what that means.
    OneOf(&'static [(&'static str, &'static str)]),
}

/// Parameters by name, decoded, each of the kind that it has to be.
#[derive(Debug)]
pub(super) struct Query {
    given: BTreeMap<String, String>,
    known: &'static [Parameter],
}

// === impl Parameter ===

impl Parameter {
    pub(super) const fn text(name: &'static str, about: &'static str) -> Self {
        Self { name, about, kind: Kind::Text, required: false }
    }

    pub(super) const fn flag(name: &'static str, about: &'static str) -> Self {
        Self { name, about, kind: Kind::Flag, required: false }
    }

    pub(super) const fn number(
        name: &'static str,
        [least, most]: [u64; 2],
        default: Option<u64>,
        about: &'static str,
    ) -> Self {
        Self { name, about, kind: Kind::Number { least, most, default }, required: false }
    }

    pub(super) const fn one_of(
        name: &'static str,
        words: &'static [(&'static str, &'static str)],
        about: &'static str,
    ) -> Self {
        Self { name, about, kind: Kind::OneOf(words), required: false }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn check(&self, value: &str) -> Result<(), String> {
        let Self { name, kind, .. } = self;
        let fits = match kind {
            Kind::Text => true,
            Kind::Flag => matches!(value, "" | "true" | "false"),
            Kind::Number { least, most, .. } => number(value).is_some_and(|number| (*least..=*most).contains(&number)),
            Kind::OneOf(words) => words.iter().any(|(word, _)| *word == value),
        };
        let expected = match kind {
            _ if fits => return Ok(()),
            Kind::Text => String::new(),
            Kind::Flag => "given without a value, or as `true` or `false`".to_owned(),
            Kind::Number { least, most, .. } => format!("a number from {least} to {most}"),
            Kind::OneOf(words) => choice(words),
        };
        Err(format!("`{name}` is {expected}, not `{value}`"))
    }
}

// === impl Query ===

impl Query {
    /// Takes no other parameters than the `known` ones, and none twice: whoever writes `resolutoin` shall not wonder.
    ///
    /// # Errors
    /// One that is neither, or has a value that it cannot have, or is missing.
    pub(super) fn read(query: Option<&str>, known: &'static [Parameter]) -> Result<Self, Problem> {
        let mut given = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(parameter) = known.iter().find(|known| known.name == name) else {
                return Err(bad(unknown(&name, known)));
            };
            parameter.check(&value).map_err(bad)?;
            if given.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(bad(format!("the parameter `{name}` is given twice")));
            }
        }
        match known.iter().find(|known| known.required && !given.contains_key(known.name)) {
            None => Ok(Self { given, known }),
            Some(Parameter { name, kind: Kind::OneOf(words), .. }) => {
                Err(bad(format!("`{name}` is needed: {}", choice(words))))
            }
            Some(Parameter { name, .. }) => Err(bad(format!("`{name}` is needed"))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|value| &**value)
    }

    /// As it was said, or as it is if nobody says.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let default = self.known.iter().find(|known| known.name == name).and_then(|known| match known.kind {
            Kind::Number { default, .. } => default,
            _ => None,
        });
        self.get(name).and_then(number).or(default)
    }

    /// A number of things.
    pub(super) fn count(&self, name: &str) -> usize {
        self.number(name).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "false")
    }
}

/// In digits only: `+1` is a surprise.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn unknown(name: &str, known: &[Parameter]) -> String {
    if known.is_empty() {
        return format!("there is no parameter `{name}`, and none at all here");
    }
    let names = known.iter().map(|known| known.name);
    let told: Vec<_> = names.clone().map(|known| format!("`{known}`")).collect();
    let hint = model::nearest(name, names).map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
    format!("there is no parameter `{name}`; there are {}{hint}", told.join(", "))
}

/// `1s` (five minutes) or `10s` (an hour).
fn choice(words: &[(&str, &str)]) -> String {
    let mut told: Vec<_> = words
        .iter()
        .map(|(word, meaning)| if meaning.is_empty() { format!("`{word}`") } else { format!("`{word}` ({meaning})") })
        .collect();
    let last = told.pop().unwrap_or_default();
    if told.is_empty() { last } else { format!("{} or {last}", told.join(", ")) }
}

pub(super) fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, response::IntoResponse};

    use super::*;

    static KNOWN: &[Parameter] = &[
        Parameter::number("limit", [1, 1_000], Some(100), ""),
        Parameter::one_of("owner", &[("api", ""), ("file", ""), ("catalog", "")], ""),
        Parameter::flag("dry_run", ""),
        Parameter::text("q", ""),
    ];

    #[test]
    fn what_is_said_is_read() {
        let read = |query| Query::read(query, KNOWN).unwrap();
        let query = read(Some("limit=7&dry_run&q=a+b%26"));
        assert_eq!((query.number("limit"), query.flag("dry_run"), query.get("q")), (Some(7), true, Some("a b&")));
        let query = read(Some("dry_run=false"));
        assert_eq!((query.count("limit"), query.flag("dry_run"), query.get("q")), (100, false, None));
        assert!(!read(None).flag("dry_run"));
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_said() {
        for (query, why) in [
            (
                "limti=7",
                "there is no parameter `limti`; there are `limit`, `owner`, `dry_run`, `q`; did you mean `limit`?",
            ),
            ("q=1&q=1", "the parameter `q` is given twice"),
            ("limit=0", "`limit` is a number from 1 to 1000, not `0`"),
            ("limit=+7", "`limit` is a number from 1 to 1000, not ` 7`"),
            ("limit=1001", "`limit` is a number from 1 to 1000, not `1001`"),
            ("owner=me", "`owner` is `api`, `file` or `catalog`, not `me`"),
            ("dry_run=yes", "`dry_run` is given without a value, or as `true` or `false`, not `yes`"),
        ] {
            let answer = Query::read(Some(query), KNOWN).unwrap_err().into_response();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
            let body = to_bytes(answer.into_body(), 4096).await.unwrap();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["detail"], why, "{query}");
        }
    }
}

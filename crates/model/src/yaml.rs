//! Values to text: YAML that [`parse`](crate::parse()) reads as the same values.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What people look for first; the other keys come in the order that they are in.
const FIRST: [&str; 2] = ["version", "name"];

/// Words that mean something else than themselves to some reader of YAML.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// A value as people write it: a line for each key and item. Nothing in it is a hole that the environment fills.
pub fn yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(entries) if !entries.is_empty() => map(&mut text, entries, 0),
        Value::Array(items) if !items.is_empty() => list(&mut text, items, 0),
        leaf => line(&mut text, leaf),
    }
    text
}

/// A value as JSON on one line, in characters that mean themselves in YAML. Nothing in it is a hole either.
pub fn yaml_line(text: &mut String, value: &Value) {
    let mut before = ' ';
    for character in value.to_string().chars() {
        // A brace behind a dollar stands within a text.
        let is_hole = before == '$' && character == '{';
        if is_hole || !is_plain(character) {
            // Writing to a text cannot fail. All of these have four digits at most.
            _ = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
        before = character;
    }
}

/// The first line goes where the text ends, the others below it.
fn map(text: &mut String, entries: &Map<String, Value>, depth: usize) {
    let first = FIRST.iter().filter_map(|key| entries.get_key_value(*key));
    let others = entries.iter().filter(|(key, _)| !FIRST.contains(&&***key));
    for (number, (key, value)) in first.chain(others).enumerate() {
        if number > 0 {
            indent(text, depth);
        }
        scalar(text, key);
        text.push(':');
        match value {
            Value::Object(entries) if !entries.is_empty() => {
                text.push('\n');
                indent(text, depth + 1);
                map(text, entries, depth + 1);
            }
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                indent(text, depth + 1);
                list(text, items, depth + 1);
            }
            leaf => {
                text.push(' ');
                line(text, leaf);
            }
        }
    }
}

fn list(text: &mut String, items: &[Value], depth: usize) {
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            indent(text, depth);
        }
        text.push_str("- ");
        match item {
            Value::Object(entries) if !entries.is_empty() => map(text, entries, depth + 1),
            Value::Array(items) if !items.is_empty() => list(text, items, depth + 1),
            leaf => line(text, leaf),
        }
    }
}

fn line(text: &mut String, leaf: &Value) {
    match leaf {
        Value::String(leaf) => scalar(text, leaf),
        leaf => yaml_line(text, leaf),
    }
    text.push('\n');
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(text: &mut String, scalar: &str) {
    if means_itself(scalar) {
        text.push_str(scalar);
    } else {
        yaml_line(text, &Value::from(scalar));
    }
}

/// Whether a text needs no quotes: words and paths, to be on the safe side.
fn means_itself(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'_' | b'/'))
        && text.bytes().all(is_inner)
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether YAML may hold a character as it is (YAML 1.2, 5.1), and it ends no line.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Report, parse};

    #[test]
    fn it_looks_as_people_write_it() {
        let document = json!({
            "routes": [{ "match": { "methods": ["GET"], "path": "/users/{id}" }, "name": "user", "policies": [], "upstream": "users" }],
            "upstreams": [{ "name": "users", "endpoints": ["127.0.0.1:80"], "tls": {}, "weights": [[1, 2], [3]] }],
            "version": 1,
        });
        let expected = "version: 1
routes:
  - name: user
    match:
      methods:
        - GET
      path: \"/users/{id}\"
    policies: []
    upstream: users
upstreams:
  - name: users
    endpoints:
      - \"127.0.0.1:80\"
    tls: {}
    weights:
      - - 1
        - 2
      - - 3
";
        assert_eq!(yaml(&document), expected);
    }

    #[test]
    fn what_could_mean_something_else_is_quoted() {
        for text in
            ["", "true", "No", "~", "1", "1e3", "0x1f", ".inf", "a: b", "a #b", "- a", "250ms", "${HOME}", "a\nb"]
        {
            let written = yaml(&json!({ "key": text }));
            assert!(written.starts_with("key: \""), "{written}");
        }
        assert_eq!(yaml(&json!({ "on": "/a/b.c-d_e" })), "\"on\": /a/b.c-d_e\n");
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            "[${}A-Z:\\\\\" #-]{0,8}",
            Just("\u{85}\u{2028}\u{feff}\u{fffe}\t\n---\r# ${HOME}".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("name|[a-z${\u{85}\"~-]{0,6}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_read_as_it_was(value in value()) {
            let mut line = String::new();
            yaml_line(&mut line, &value);
            for text in [yaml(&value), line] {
                let mut report = Report::default();
                let read = parse("test", &text, &|_| Some("from the environment".into()), &mut report);
                prop_assert!(report.problems.is_empty(), "{:?}\n{text}", report.problems);
                prop_assert_eq!(read.map(|read| read.json()), Some(value.clone()), "{}", text);
            }
        }
    }
}

//! Lines as the body of a request.

use std::sync::Arc;

use model::LogShape;
use serde::Deserialize;

use super::frame::messages;
use crate::access_log::format::escape;

/// What goes around a batch and each of its lines.
#[derive(Debug)]
pub(super) enum Shape {
    JsonLines,
    Loki { begin: String },
    Elasticsearch { action: String },
}

/// What Elasticsearch says of a batch, as far as it is asked for.
#[derive(Debug, Default, Deserialize)]
struct Items {
    #[serde(default)]
    errors: bool,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    create: Created,
}

#[derive(Debug, Deserialize)]
struct Created {
    status: u16,
}

// === impl Shape ===

impl Shape {
    pub(super) fn of(shape: &LogShape) -> Self {
        match shape {
            LogShape::JsonLines => Self::JsonLines,
            LogShape::Loki { labels } => {
                let label = |(name, value): &(Arc<str>, Arc<str>)| format!("{}:{}", quoted(name), quoted(value));
                let labels: Vec<_> = labels.iter().map(label).collect();
                Self::Loki { begin: format!("{{\"streams\":[{{\"stream\":{{{}}},\"values\":[", labels.join(",")) }
            }
            LogShape::Elasticsearch { index: None } => Self::Elasticsearch { action: "{\"create\":{}}\n".to_owned() },
            LogShape::Elasticsearch { index: Some(index) } => {
                Self::Elasticsearch { action: format!("{{\"create\":{{\"_index\":{}}}}}\n", quoted(index)) }
            }
        }
    }

    pub(super) const fn content_type(&self) -> &'static str {
        match self {
            Self::JsonLines | Self::Elasticsearch { .. } => "application/x-ndjson",
            Self::Loki { .. } => "application/json",
        }
    }

    /// The query that goes along.
    pub(super) const fn query(&self) -> &'static str {
        match self {
            // Of what is said of each line, the status is enough.
            Self::Elasticsearch { .. } => "?filter_path=errors,items.*.status",
            _ => "",
        }
    }

    /// The body of these lines.
    pub(super) fn body(&self, lines: &[u8]) -> Vec<u8> {
        let mut body = Vec::with_capacity(lines.len() * 3 / 2 + 256);
        match self {
            Self::JsonLines => body.extend_from_slice(lines),
            Self::Elasticsearch { action } => {
                for line in messages(lines) {
                    body.extend_from_slice(action.as_bytes());
                    body.extend_from_slice(line);
                    body.push(b'\n');
                }
            }
            Self::Loki { begin } => {
                body.extend_from_slice(begin.as_bytes());
                for (index, line) in messages(lines).enumerate() {
                    let at = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
                    body.extend_from_slice(if index == 0 { b"[\"" } else { b",[\"" });
                    body.extend_from_slice(&line[..at]);
                    body.extend_from_slice(b"\",\"");
                    escape(&mut body, line.get(at + 1..).unwrap_or_default());
                    body.extend_from_slice(b"\"]");
                }
                body.extend_from_slice(b"]}]}");
            }
        }
        body
    }

    /// How many lines were refused by an answer that sounds good, and why.
    pub(super) fn refused(&self, answer: &[u8]) -> Option<(u64, u16)> {
        let Self::Elasticsearch { .. } = self else { return None };
        let Items { errors: true, items } = serde_json::from_slice(answer).unwrap_or_default() else { return None };
        let mut refused = items.iter().map(|item| item.create.status).filter(|status| *status >= 300);
        let first = refused.next()?;
        Some((1 + refused.count() as u64, first))
    }
}

/// As JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(shape: &LogShape, lines: &str) -> String {
        String::from_utf8(Shape::of(shape).body(lines.as_bytes())).unwrap()
    }

    #[test]
    fn batches_have_the_shape_that_servers_want() {
        let labels = vec![("job".into(), "a \"b\"".into())];
        let loki = body(&LogShape::Loki { labels }, "12 {\"a\":\"\\n\"}\n13 x\n");
        let expected = json!({ "streams": [{
            "stream": { "job": "a \"b\"" }, "values": [["12", "{\"a\":\"\\n\"}"], ["13", "x"]],
        }] });
        assert_eq!(serde_json::from_str::<Value>(&loki).unwrap(), expected);

        let bulk = body(&LogShape::Elasticsearch { index: Some("logs".into()) }, "{\"a\":1}\n{\"a\":2}\n");
        let action = "{\"create\":{\"_index\":\"logs\"}}\n";
        assert_eq!(bulk, format!("{action}{{\"a\":1}}\n{action}{{\"a\":2}}\n"));

        assert_eq!(body(&LogShape::JsonLines, "1\n2\n"), "1\n2\n");
    }

    #[test]
    fn lines_that_an_index_refused_are_counted() {
        let bulk = Shape::of(&LogShape::Elasticsearch { index: None });
        let answer = json!({ "errors": true, "items": [
            { "create": { "status": 201 } }, { "create": { "status": 429 } }, { "create": { "status": 400 } },
        ] });
        assert_eq!(bulk.refused(answer.to_string().as_bytes()), Some((2, 429)));
        assert_eq!(bulk.refused(b"{\"errors\":false}"), None);
        assert_eq!(bulk.refused(b"no json"), None);
        assert_eq!(Shape::of(&LogShape::JsonLines).refused(answer.to_string().as_bytes()), None);
    }
}

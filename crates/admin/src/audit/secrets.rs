//! What is not to be kept: whoever may read the audit log need not know secrets.

use serde_json::{Map, Value};

const HIDDEN: &str = "[redacted]";

/// So much of a hash is shown, which tells two apart and is no use for anything else.
const OF_HASH: usize = "blake3:".len() + 8;

/// A value without what stands under the names of secrets, or looks like credentials in an address.
pub(super) fn without(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map_without(map)),
        Value::Array(items) => Value::Array(items.into_iter().map(without).collect()),
        Value::String(text) => Value::String(telemetry::without_credentials(&text)),
        value => value,
    }
}

/// Decoded, where it can be, and without what looks like credentials.
pub(super) fn path(path: &str) -> String {
    crate::api::decoded(path).unwrap_or_else(|| path.to_owned())
}

/// A query without the values of what has the name of a secret.
pub(super) fn query(query: &str) -> String {
    telemetry::without_secrets(query)
}

fn map_without(map: Map<String, Value>) -> Map<String, Value> {
    // `{ name: authorization, value: … }`
    let names_secret = map.get("name").and_then(Value::as_str).is_some_and(telemetry::is_secret);
    let entry = |(key, value): (String, Value)| {
        let is_secret = telemetry::is_secret(&key) || names_secret && key == "value";
        let value = if is_secret { hidden(value) } else { without(value) };
        (key, value)
    };
    map.into_iter().map(entry).collect()
}

/// What stands under the name of a secret. Where a secret is to be found is none, and hashes are told apart.
fn hidden(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entry = |(key, value)| match key {
                key if key == "file" || key == "env" => (key, value),
                key => (key, hidden(value)),
            };
            Value::Object(map.into_iter().map(entry).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(hidden).collect()),
        Value::String(text) if text.starts_with("blake3:") && text.len() > OF_HASH && text.is_ascii() => {
            Value::String(format!("{}…", &text[..OF_HASH]))
        }
        Value::Null | Value::Bool(_) => value,
        Value::String(_) | Value::Number(_) => HIDDEN.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_left_out_and_the_rest_is_not() {
        let told = without(json!({
            "name": "a",
            "token": { "hash": "blake3:0123456789abcdef" },
            "gateway": {
                "debug": { "token": "very-secret" },
                "registry": { "token": { "env": "TOKEN" }, "password": { "file": "/run/p" } },
                "collector": "https://user:pass@otel.internal/v1?api_key=1",
            },
            "headers": [{ "name": "Authorization", "value": "Bearer x" }, { "name": "x-team", "value": "a" }],
            "set": { "x-api-key": ["a", 5, null, true], "x-team": "b" },
        }));
        let expected = json!({
            "name": "a",
            "token": { "hash": "blake3:01234567…" },
            "gateway": {
                "debug": { "token": "[redacted]" },
                "registry": { "token": { "env": "TOKEN" }, "password": { "file": "/run/p" } },
                "collector": "https://[redacted]@otel.internal/v1?api_key=[redacted]",
            },
            "headers": [{ "name": "Authorization", "value": "[redacted]" }, { "name": "x-team", "value": "a" }],
            "set": { "x-api-key": ["[redacted]", "[redacted]", null, true], "x-team": "b" },
        });
        assert_eq!(told, expected);
        assert_eq!(query("dry_run&token=a&message=b"), "dry_run&token=[redacted]&message=b");
        assert_eq!(path("/%6fperators/a%20b"), "/operators/a b");
        assert_eq!(path("/a%2fb"), "/a%2fb");
    }
}

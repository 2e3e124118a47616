//! Documents as people are shown them: without what is secret in them.
//!
//! Which settings are secrets, only whoever reads them knows, and policies are many; so the key decides. What says where a
//! secret is kept (`{ file: … }`, `{ env: … }`) is none.

use serde_json::{Map, Value};

/// What is shown in place of a secret.
pub const REDACTED: &str = "<redacted>";

/// Last words of keys with a secret.
const SECRET: [&str; 8] =
    ["secret", "secrets", "token", "tokens", "password", "credentials", "authorization", "apikey"];

/// Forms of a secret that say where it is kept.
const ELSEWHERE: [&str; 2] = ["file", "env"];

/// Puts [`REDACTED`] in the place of every secret.
pub fn redact(object: &mut Map<String, Value>) {
    for (key, value) in object {
        if is_secret(key, value) { hide(value) } else { look(value) }
    }
}

/// Whether something stands in it that was shown in place of a secret: its path.
pub fn find_redacted(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (text == REDACTED).then(String::new),
        Value::Array(items) => items.iter().zip(0..).find_map(|(item, index)| {
            let rest = find_redacted(item)?;
            let name = item.get("name").and_then(Value::as_str).map_or_else(|| format!("{index}"), str::to_owned);
            Some(joined(&format!("[{name}]"), &rest))
        }),
        Value::Object(map) => map.iter().find_map(|(key, value)| Some(joined(key, &find_redacted(value)?))),
        _ => None,
    }
}

fn joined(path: &str, rest: &str) -> String {
    let dot = if rest.is_empty() || rest.starts_with('[') { "" } else { "." };
    format!("{path}{dot}{rest}")
}

/// Puts back what was shown as [`REDACTED`], as far as `before` holds it in the same place: whoever changes what was shown need
/// not know the secrets.
pub fn restore(value: &mut Value, before: &Value) {
    match (value, before) {
        (value @ Value::String(_), Value::String(before)) if *value == REDACTED => *value = before.as_str().into(),
        (Value::Object(map), Value::Object(before)) => {
            for (key, value) in map {
                before.get(key).into_iter().for_each(|before| restore(value, before));
            }
        }
        (Value::Array(items), Value::Array(before)) => {
            let is_known = items.len() == before.len();
            for (index, item) in items.iter_mut().enumerate() {
                let same = match item.get("name") {
                    Some(name) => before.iter().find(|before| before.get("name") == Some(name)),
                    None => before.get(index).filter(|_| is_known),
                };
                same.into_iter().for_each(|before| restore(item, before));
            }
        }
        _ => {}
    }
}

fn look(value: &mut Value) {
    match value {
        Value::Object(map) => redact(map),
        Value::Array(items) => items.iter_mut().for_each(look),
        _ => {}
    }
}

fn is_secret(key: &str, value: &Value) -> bool {
    let key = key.to_ascii_lowercase();
    let mut words = key.rsplit(['-', '_', '.']);
    let last = words.next().unwrap_or_default();
    let is_api_key = last == "key" && words.next() == Some("api");
    // Those of consumers: a list of maps, whose own keys say what of them is secret.
    let are_told_apart = last == "credentials" && value.as_array().is_some_and(|all| all.iter().all(Value::is_object));
    SECRET.contains(&last) && !are_told_apart || is_api_key || last == "hash" && value.is_string()
}

fn hide(value: &mut Value) {
    match value {
        Value::String(text) => REDACTED.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(map) => {
            let texts = map.iter_mut().filter(|(key, _)| !ELSEWHERE.contains(&key.as_str()));
            texts.for_each(|(_, value)| hide(value));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(mut value: Value) -> Value {
        redact(value.as_object_mut().unwrap());
        value
    }

    #[test]
    fn secrets_are_hidden_and_where_they_are_kept_is_not() {
        let document = json!({
            "gateway": { "debug": { "token": "abc" }, "discovery": { "consul": { "token": { "env": "TOKEN" } } } },
            "operators": [{ "name": "a", "token": { "hash": "blake3:1", "not_after": 5 } }],
            "routes": [{ "name": "b", "policies": [
                { "headers": { "request": { "set": { "Authorization": "Bearer x", "x-api-key": "y", "x-a": "z" } } } },
                { "token_bucket": { "rate": "1/s" } },
            ] }],
            "upstreams": [{ "name": "c", "balance": { "consistent_hash": { "key": "client_ip" } }, "tls": { "key": "c.pem" } }],
            "consumers": [
                { "name": "d", "keys": [{ "hash": "blake3:2" }] },
                { "name": "e", "credentials": [{ "id": "ci", "not_after": "2030-01-01", "key": { "hash": "blake3:3" } }] },
                { "name": "f", "credentials": ["user:password"] },
            ],
        });
        let mut expected = document.clone();
        for place in [
            "/gateway/debug/token",
            "/operators/0/token/hash",
            "/routes/0/policies/0/headers/request/set/Authorization",
            "/routes/0/policies/0/headers/request/set/x-api-key",
            "/consumers/0/keys/0/hash",
            "/consumers/1/credentials/0/key/hash",
            "/consumers/2/credentials/0",
        ] {
            *expected.pointer_mut(place).unwrap() = json!(REDACTED);
        }
        assert_eq!(shown(document), expected);
    }

    #[test]
    fn what_was_hidden_is_put_back_where_it_was() {
        let before = json!({ "routes": [{ "name": "a", "token": "1" }, { "name": "b", "token": "2", "keys": [{ "secret": "3" }] }] });
        let mut changed = shown(before.clone());
        changed["routes"].as_array_mut().unwrap().reverse();
        changed["routes"][1]["priority"] = json!(7);
        changed["routes"].as_array_mut().unwrap().push(json!({ "name": "c", "token": REDACTED }));
        restore(&mut changed, &before);
        assert_eq!(find_redacted(&changed), Some("routes[c].token".to_owned()));
        changed["routes"].as_array_mut().unwrap().pop();
        assert_eq!(find_redacted(&changed), None);
        assert_eq!((&changed["routes"][0], &changed["routes"][1]["token"]), (&before["routes"][1], &json!("1")));
    }
}

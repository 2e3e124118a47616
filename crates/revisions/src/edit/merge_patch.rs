use serde_json::{Map, Value};

/// `target` after `patch`, as RFC 7396 says (section 2): maps are merged key by key, `null` takes a key away, everything else
/// takes the place of what is there.
pub fn merge_patch(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut merged = match target {
        Value::Object(target) => target,
        _ => Map::new(),
    };
    for (key, value) in patch {
        if value.is_null() {
            merged.remove(key);
        } else {
            let there = merged.remove(key).unwrap_or(Value::Null);
            merged.insert(key.clone(), merge_patch(there, value));
        }
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn as_the_rfc_shows() {
        let cases = r#"
            {"a":"b"}            {"a":"c"}               {"a":"c"}
            {"a":"b"}            {"b":"c"}               {"a":"b","b":"c"}
            {"a":"b"}            {"a":null}              {}
            {"a":"b","b":"c"}    {"a":null}              {"b":"c"}
            {"a":["b"]}          {"a":"c"}               {"a":"c"}
            {"a":"c"}            {"a":["b"]}             {"a":["b"]}
            {"a":{"b":"c"}}      {"a":{"b":"d","c":null}} {"a":{"b":"d"}}
            {"a":[{"b":"c"}]}    {"a":[1]}               {"a":[1]}
            ["a","b"]            ["c","d"]               ["c","d"]
            {"a":"b"}            ["c"]                   ["c"]
            {"a":"foo"}          null                    null
            {"a":"foo"}          "bar"                   "bar"
            {"e":null}           {"a":1}                 {"e":null,"a":1}
            [1,2]                {"a":"b","c":null}      {"a":"b"}
            {}                   {"a":{"bb":{"ccc":null}}} {"a":{"bb":{}}}
        "#;
        for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let [target, patch, result] = case
                .split_whitespace()
                .map(|text| serde_json::from_str(text).unwrap())
                .collect::<Vec<Value>>()
                .try_into()
                .unwrap();
            assert_eq!(merge_patch(target, &patch), result, "{case}");
        }
    }
}

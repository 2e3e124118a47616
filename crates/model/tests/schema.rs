//! The JSON Schema of the document, as editors get it.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

/// Answers the clients of other origins.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Cors {
    /// Which origins.
    origins: Vec<Origin>,
    /// Another one within.
    inner: Option<Box<Cors>>,
}

/// An origin.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Origin {
    /// Its host.
    host: String,
}

fn schema() -> Value {
    model::schema(&[("cors", schema_for!(Cors)), ("headers", schema_for!(Origin))], &[])
}

#[test]
fn policies_are_one_of_the_kinds() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let policy = &schema["$defs"]["Policy"]["oneOf"];
    assert_eq!(policy[0]["required"][0], "cors");
    assert_eq!(policy[0]["properties"]["cors"]["$ref"], "#/$defs/cors");
    assert_eq!(policy[0]["properties"]["cors"]["description"], "Answers the clients of other origins.");
    assert_eq!(policy[1]["required"][0], "headers");
    // The definitions of kinds do not get in each other's way, and a kind may refer to itself.
    assert_eq!(schema["$defs"]["cors"]["properties"]["origins"]["items"]["$ref"], "#/$defs/cors.Origin");
    assert_eq!(schema["$defs"]["cors"]["properties"]["inner"]["$ref"], "#/$defs/cors");
    assert_eq!(schema["$defs"]["Route"]["properties"]["policies"]["items"]["$ref"], "#/$defs/Policy");
}

#[test]
fn every_reference_leads_somewhere() {
    let schema = schema();
    let mut references = 0;
    visit(&schema, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(schema.pointer(pointer).is_some(), "{reference}");
        }
    });
    assert!(references > 20, "{references}");
}

#[test]
fn every_key_is_described() {
    let mut keys = 0;
    visit(&schema(), &mut |value| {
        let Some(properties) = value.get("properties").and_then(Value::as_object) else { return };
        for (name, property) in properties {
            keys += 1;
            // The one key of an enum is described by the map around it.
            let described = property.get("description").or(value.get("description"));
            assert!(described.is_some_and(Value::is_string), "{name}: {property}");
        }
    });
    assert!(keys > 80, "{keys}");
}

#[test]
fn keys_without_a_value_and_unknown_keys_are_refused() {
    visit(&schema(), &mut |value| {
        assert!(value.get("type") != Some(&Value::from("null")), "{value}");
        let is_struct = value.get("properties").is_some_and(|properties| properties.is_object());
        let is_ours =
            value.get("title") != Some(&Value::from("Cors")) && value.get("title") != Some(&Value::from("Origin"));
        if is_struct && is_ours && value.get("properties").unwrap().get("host").is_none() {
            assert_eq!(value.get("additionalProperties"), Some(&Value::from(false)), "{value}");
        }
    });
}

fn visit(value: &Value, look: &mut dyn FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        Value::Object(entries) => entries.values().for_each(|entry| visit(entry, look)),
        _ => {}
    }
}

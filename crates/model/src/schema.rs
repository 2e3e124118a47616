//! The JSON Schema of the document, for editors.

use schemars::{Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::document::Document;

/// The schema (JSON Schema, draft 2020-12) of a document whose policies are of these kinds, and whose balancers may be.
///
/// Kinds are names with the schemas of their settings. A schema may bring definitions of its own; they are kept
/// apart from those of other kinds.
pub fn schema(policy_kinds: &[(&str, Schema)], balancers: &[(&str, Schema)]) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut root = generator.into_root_schema_for::<Document>().to_value();
    let mut definitions = match root.get_mut("$defs").map(Value::take) {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    let kinds: Vec<Value> =
        policy_kinds.iter().map(|(kind, schema)| form(kind, kind, schema, &mut definitions)).collect();
    if !kinds.is_empty() {
        definitions.insert(
            "Policy".to_owned(),
            json!({ "description": "A policy: its kind, with its settings.", "oneOf": kinds }),
        );
    }
    for (kind, schema) in balancers {
        let long = form(kind, &format!("balance.{kind}"), schema, &mut definitions);
        if let Some(forms) = definitions.get_mut("Balance").and_then(|balance| balance["oneOf"].as_array_mut()) {
            forms.extend([json!({ "const": kind }), long]);
        }
    }
    root["$defs"] = Value::Object(definitions);
    without_null(&mut root);
    root
}

/// A map with one key, the kind. Its definitions move to `definitions`, behind `name`.
fn form(kind: &str, name: &str, settings: &Schema, definitions: &mut Map<String, Value>) -> Value {
    let mut settings = settings.clone().to_value();
    if let Some(map) = settings.as_object_mut() {
        map.remove("$schema");
    }
    let own = settings.as_object_mut().and_then(|map| map.remove("$defs"));
    requalify(&mut settings, name);
    if let Some(Value::Object(own)) = own {
        for (own, mut definition) in own {
            requalify(&mut definition, name);
            definitions.insert(format!("{name}.{own}"), definition);
        }
    }
    let description = settings.get("description").cloned();
    definitions.insert(name.to_owned(), settings);
    let mut property = json!({ "$ref": format!("#/$defs/{name}") });
    if let Some(description) = description {
        property["description"] = description;
    }
    json!({ "type": "object", "properties": { kind: property }, "required": [kind], "additionalProperties": false })
}

/// Turns references within the schema of a kind into references within that of the document.
fn requalify(schema: &mut Value, kind: &str) {
    if let Some(Value::String(reference)) = schema.get_mut("$ref") {
        if reference == "#" {
            *reference = format!("#/$defs/{kind}");
        } else if let Some(name) = reference.strip_prefix("#/$defs/") {
            *reference = format!("#/$defs/{kind}.{name}");
        }
    }
    each_child(schema, &mut |child| requalify(child, kind));
}

/// Takes back that whatever is optional may be `null`: a key without a value is refused.
fn without_null(schema: &mut Value) {
    let is_null = |schema: &Value| schema == "null" || schema.get("type").is_some_and(|name| name == "null");
    for key in ["type", "anyOf"] {
        let Some(Value::Array(forms)) = schema.get_mut(key) else { continue };
        forms.retain(|form| !is_null(form));
        if let [only] = forms.as_mut_slice() {
            let only = only.take();
            match (only, schema.as_object_mut()) {
                (Value::Object(only), Some(schema)) => {
                    schema.remove(key);
                    schema.extend(only.into_iter().filter(|(name, _)| name != "description"));
                }
                (only, Some(schema)) => {
                    schema.insert(key.to_owned(), only);
                }
                _ => {}
            }
        }
    }
    if schema.get("default").is_some_and(Value::is_null)
        && let Some(schema) = schema.as_object_mut()
    {
        schema.remove("default");
    }
    each_child(schema, &mut without_null);
}

fn each_child(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(visit),
        Value::Object(entries) => entries.values_mut().for_each(visit),
        _ => {}
    }
}

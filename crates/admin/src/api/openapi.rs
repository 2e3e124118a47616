//! `/openapi.json`: the table of all operations, as OpenAPI 3.1 has it.
//!
//! Nothing in it is about this gateway, but for the kinds of policies that its program knows; so it is told without a token.

use std::collections::BTreeMap;

use revisions::edit::List;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use snapshot::{Finding, Owner};

use super::{
    address,
    objects::{ItemTold, ObjectsTold, OneTold},
    operation::{JSON, Operation, Shape},
    query::{Kind, Parameter},
};

/// Where schemas stand.
const SCHEMAS: &str = "/components/schemas";

/// Makes schemas, and keeps what they share.
struct Schemas {
    /// Of what is read.
    read: SchemaGenerator,
    /// Of what is told.
    told: SchemaGenerator,
    /// Of documents.
    document: Map<String, Value>,
    /// By the key of the list in a document.
    objects: BTreeMap<&'static str, Value>,
}

/// What every operation may fail with: it is asked for wrongly, by a stranger, or by somebody who may not.
const FAILURES: &[u16] = &[400, 401, 403];

/// The description of all operations, in which `document` is the schema of documents.
pub(crate) fn openapi(version: &str, document: Value) -> Value {
    let mut schemas = Schemas::new(document);
    let mut paths = Map::new();
    for operation in address::all() {
        let described = describe(operation, &mut schemas);
        let path = paths.entry(format!("/api/v1{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = described;
    }
    let problem = schemas.problem();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "sluice",
            "summary": "The admin API of a gateway.",
            "version": version,
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "Problem": {
                    "description": "Why not.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "schemas": schemas.all(),
        },
    })
}

fn describe(operation: &Operation, schemas: &mut Schemas) -> Value {
    let tag = operation.segments().next().unwrap_or_default();
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag],
        "x-role": operation.least.name(),
        "responses": responses(operation, schemas),
    });
    let parameters: Vec<_> = ids(operation).chain(operation.parameters.iter().map(parameter)).collect();
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some((asks, shape)) = &operation.asks {
        let kind = if matches!(shape, Shape::Patch) { "application/merge-patch+json" } else { JSON };
        described["requestBody"] = json!({
            "description": asks.what,
            "required": true,
            "content": { kind: { "schema": schemas.of(shape) } },
        });
    }
    described
}

fn responses(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    let content: Map<_, _> = operation
        .tells
        .iter()
        .map(|(kind, shape)| ((*kind).to_owned(), json!({ "schema": schemas.of(shape) })))
        .collect();
    for status in &operation.successes {
        let response = match status {
            304 => json!({ "description": "It is what `If-None-Match` says." }),
            201 => json!({ "description": "It is new.", "content": content }),
            _ => json!({ "description": "It went well.", "content": content }),
        };
        responses.insert(status.to_string(), response);
    }
    for status in FAILURES.iter().chain(&operation.failures) {
        responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    responses.into()
}

/// The ids in the path.
fn ids(operation: &Operation) -> impl Iterator<Item = Value> {
    let names = operation.segments().filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| {
        let schema = match name {
            "number" => json!({ "type": "integer", "minimum": 1 }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    })
}

fn parameter(Parameter { name, about, kind, required }: &Parameter) -> Value {
    let schema = match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean", "default": false }),
        Kind::Number { least, most, default: None } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Number { least, most, default: Some(default) } => {
            json!({ "type": "integer", "minimum": least, "maximum": most, "default": default })
        }
        Kind::OneOf(words) => json!({ "enum": words.iter().map(|(word, _)| word).collect::<Vec<_>>() }),
    };
    let mut described = json!({ "name": name, "in": "query", "description": about, "schema": schema });
    if *required {
        described["required"] = true.into();
    }
    if matches!(kind, Kind::Flag) {
        described["allowEmptyValue"] = true.into();
    }
    described
}

// === impl Schemas ===

impl Schemas {
    fn new(mut document: Value) -> Self {
        move_references(&mut document);
        let_redacted(&mut document);
        let definitions = document.as_object_mut().and_then(|document| document.remove("$defs"));
        let objects = List::ALL.into_iter().map(|list| {
            let object = document["properties"][list.name()]["items"].take();
            // What this program does not check, it does not describe either.
            (list.name(), if object.is_object() { object } else { json!({ "type": "object" }) })
        });
        let objects: BTreeMap<_, _> = objects.collect();
        for (name, object) in &objects {
            if !document["properties"][name].is_null() {
                document["properties"][name]["items"] = object.clone();
            }
        }
        let mut kept = match definitions {
            Some(Value::Object(definitions)) => definitions,
            _ => Map::new(),
        };
        if let Some(document) = document.as_object_mut() {
            document.remove("$schema");
        }
        let mut told = document.clone();
        // Part of one needs nothing.
        told.as_object_mut().map(|told| told.remove("required"));
        kept.insert("DocumentTold".to_owned(), told);
        kept.insert("Document".to_owned(), document);
        let settings = || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = SCHEMAS.into());
        let (read, told) = (settings().into_generator(), settings().for_serialize().into_generator());
        Self { read, told, document: kept, objects }
    }

    fn told<T: JsonSchema>(&mut self) -> Value {
        self.told.subschema_for::<T>().to_value()
    }

    /// An error.
    fn problem(&mut self) -> Value {
        json!({
            "description": "An error (RFC 9457).",
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": { "type": "string" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "detail": { "type": "string", "description": "What was seen, and what to do." },
                "problems": {
                    "type": "array",
                    "items": self.told::<Finding>(),
                    "description": "What is wrong with the document that would come of a change.",
                },
                "edit": {
                    "type": "integer",
                    "description": "Which of the edits of a transaction cannot be made, from 0.",
                },
                "owner": { "allOf": [self.told::<Owner>()], "description": "Who changes the object." },
            },
        })
    }

    fn object(&self, list: List) -> Value {
        self.objects.get(list.name()).cloned().unwrap_or_default()
    }

    fn of(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Read(of) => of(&mut self.read).to_value(),
            Shape::Told(of) => of(&mut self.told).to_value(),
            Shape::Object(list) => self.object(*list),
            Shape::Patch => json!({ "type": "object" }),
            Shape::ObjectTold(list) => {
                json!({ "allOf": [self.told::<OneTold>(), { "properties": { "object": self.object(*list) } }] })
            }
            Shape::ObjectsTold(list) => {
                let item =
                    json!({ "allOf": [self.told::<ItemTold>(), { "properties": { "object": self.object(*list) } }] });
                json!({ "allOf": [self.told::<ObjectsTold>(), { "properties": { "items": { "items": item } } }] })
            }
            Shape::Document => json!({ "$ref": format!("#{SCHEMAS}/Document") }),
            Shape::DocumentTold => json!({ "$ref": format!("#{SCHEMAS}/DocumentTold") }),
            Shape::Any => json!({}),
        }
    }

    /// All that were referred to.
    fn all(mut self) -> Map<String, Value> {
        let mut all = self.document;
        all.extend(self.read.take_definitions(true));
        all.extend(self.told.take_definitions(true));
        all
    }
}

/// Secrets are told as [`REDACTED`](snapshot::REDACTED), and that may be sent back: it stays what it is.
fn let_redacted(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(let_redacted),
        Value::Object(keys) => {
            if let Some(Value::String(pattern)) = keys.get_mut("pattern")
                && let Some(hash) = pattern.strip_prefix("^blake3:").and_then(|hash| hash.strip_suffix('$'))
            {
                *pattern = format!("^(blake3:{hash}|{})$", snapshot::REDACTED);
            }
            keys.values_mut().for_each(let_redacted);
        }
        _ => {}
    }
}

/// References within a schema become those within the whole.
fn move_references(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(reference) if key == "$ref" => {
                        if let Some(name) = reference.strip_prefix("#/$defs/") {
                            *reference = format!("#{SCHEMAS}/{name}");
                        }
                    }
                    value => move_references(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(move_references),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_referred_to_is_there() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(entries) => {
                    found.extend(entries.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    entries.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let described = openapi("1", model::schema(&[], &[]));
        let mut found = BTreeSet::new();
        references(&described, &mut found);
        assert!(found.len() > 50, "{found:?}");
        for reference in found {
            assert!(described.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        let names = described["components"]["schemas"].as_object().unwrap().keys();
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name}");
        }
    }

    /// What is read and what is told, and what documents say, may have the same names only if they are the same.
    #[test]
    fn no_two_schemas_share_a_name() {
        let mut schemas = Schemas::new(model::schema(&[], &[]));
        for operation in address::all() {
            describe(operation, &mut schemas);
        }
        schemas.problem();
        let (read, told) = (schemas.read.take_definitions(true), schemas.told.take_definitions(true));
        let mut all = schemas.document;
        for (name, schema) in read.into_iter().chain(told) {
            if let Some(other) = all.get(&name) {
                assert_eq!(*other, schema, "{name}");
            }
            all.insert(name, schema);
        }
    }

    #[test]
    fn every_operation_is_described() {
        let described = openapi("1", model::schema(&[], &[]));
        for operation in address::all() {
            let method = operation.method.as_str().to_ascii_lowercase();
            let told = &described["paths"][format!("/api/v1{}", operation.path)][method];
            assert_eq!(told["operationId"], *operation.id);
            for status in operation.successes.iter().chain(&[401]) {
                assert!(told["responses"][status.to_string()].is_object(), "{told}");
            }
        }
    }
}

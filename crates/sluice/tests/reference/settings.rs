//! Maps of a schema as sections, each with a table of its keys.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
};

use serde_json::{Map, Value};

use crate::{anchor, any_of, head, row};

/// Writes sections, outermost first; what is found inside of one follows it.
pub(crate) struct Settings<'s> {
    definitions: &'s Map<String, Value>,
    /// Where types of single values are described; empty: on this page.
    values_page: &'static str,
    /// Of headings: `##`, for example.
    level: &'static str,
    /// Definitions that have a section, by name.
    known: HashMap<&'s str, String>,
    /// Types of single values that were referred to.
    values: BTreeSet<&'s str>,
    titles: Vec<String>,
    text: String,
}

/// Sections that are to follow: title and schema.
type Inner<'s> = Vec<(String, &'s Value)>;

/// What a description says at its end of what holds if a key is left out.
const DEFAULTS: [&str; 2] = ["Default: ", "Left out: "];

// === impl Settings ===

impl<'s> Settings<'s> {
    pub(crate) fn new(schema: &'s Value, values_page: &'static str, level: &'static str) -> Self {
        Self {
            definitions: schema["$defs"].as_object().unwrap(),
            values_page,
            level,
            known: HashMap::new(),
            values: BTreeSet::new(),
            titles: Vec::new(),
            text: String::new(),
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Of all sections so far.
    pub(crate) fn titles(&self) -> &[String] {
        &self.titles
    }

    /// A section, and those that it refers to.
    pub(crate) fn section(&mut self, title: &str, schema: &'s Value) {
        self.titles.push(title.to_owned());
        _ = write!(self.text, "\n{} {title}\n\n", self.level);
        if let Some(description) = schema["description"].as_str() {
            _ = write!(self.text, "{description}\n\n");
        }
        let path = if self.titles.len() == 1 { "" } else { title };
        self.keys_of(path, schema);
    }

    /// The table of a section, and the sections that it refers to.
    pub(crate) fn keys_of(&mut self, path: &str, schema: &'s Value) {
        let path = path.trim_matches('`');
        let mut inner = Vec::new();
        if schema["properties"].is_object() {
            self.keys(path, schema, &mut inner);
        } else {
            self.forms(path, schema, &mut inner);
        }
        for (title, schema) in inner {
            self.section(&title, schema);
        }
    }

    /// The types of single values that were referred to so far.
    pub(crate) fn values(&mut self) {
        self.titles.push("Values".to_owned());
        _ = write!(self.text, "\n{} Values\n", self.level);
        for name in std::mem::take(&mut self.values) {
            let description = self.definitions[name]["description"].as_str().unwrap_or_default();
            _ = write!(self.text, "\n{}# {}\n\n{description}\n", self.level, words(name));
        }
    }

    /// Those that are required first, then by name.
    fn keys(&mut self, path: &str, schema: &'s Value, inner: &mut Inner<'s>) {
        let required: Vec<&str> = list(&schema["required"]).iter().filter_map(Value::as_str).collect();
        let properties = schema["properties"].as_object().unwrap();
        let mut names: Vec<&String> = properties.keys().collect();
        let rank = |name: &str| required.iter().position(|other| *other == name).unwrap_or(required.len());
        names.sort_by_key(|name| (rank(name), name.as_str()));
        self.text += &head(&["key", "type", "default", "what it says"]);
        for name in names {
            let property = &properties[name];
            let kind = self.kind(&join(path, name), property, inner);
            let (mut says, mut default) = split_default(&description(property).unwrap_or_default());
            says += &self.meanings(property);
            if required.contains(&name.as_str()) {
                default = "required".to_owned();
            } else if constants(self.resolved(property)).contains(&format!("`{default}`")) {
                default = format!("`{default}`");
            }
            self.text += &row(&[&format!("`{name}`"), &kind, &default, &says]);
        }
        let choices: Vec<String> = list(&schema["oneOf"])
            .iter()
            .filter_map(|form| Some(format!("`{}`", form["required"][0].as_str()?)))
            .collect();
        if !choices.is_empty() {
            _ = write!(self.text, "\nExactly one of {} is given.\n", any_of(&choices).replace(" or ", " and "));
        }
    }

    /// Of a value that is written in one of several forms.
    fn forms(&mut self, path: &str, schema: &'s Value, inner: &mut Inner<'s>) {
        self.text += &head(&["form", "type", "what it says"]);
        for form in list(&schema["oneOf"]) {
            let says = description(form).unwrap_or_default();
            let (name, kind) = match form["properties"].as_object().and_then(|map| map.iter().next()) {
                Some((name, value)) => (format!("{{ {name}: … }}"), self.kind(&join(path, name), value, inner)),
                None => (text_of(&form["const"]), String::new()),
            };
            self.text += &row(&[&format!("`{name}`"), &kind, &says]);
        }
    }

    /// The type of a value, with a link to where there is more of it.
    fn kind(&mut self, path: &str, schema: &'s Value, inner: &mut Inner<'s>) -> String {
        any_of(&self.kinds(path, schema, inner))
    }

    /// The types that a value may have.
    fn kinds(&mut self, path: &str, schema: &'s Value, inner: &mut Inner<'s>) -> Vec<String> {
        if let Some(name) = reference(schema) {
            return self.defined(path, name, inner);
        }
        if schema["properties"].is_object() || is_form(schema) {
            let title = format!("`{path}`");
            let link = format!("[map](#{})", anchor(&title));
            inner.push((title, schema));
            return [constants(schema), vec![link]].concat();
        }
        if let forms @ [_, ..] = list(&schema["anyOf"]) {
            return forms.iter().flat_map(|form| self.kinds(path, form, inner)).collect();
        }
        let constants = constants(schema);
        if !constants.is_empty() {
            return constants;
        }
        if schema.get("const").is_some_and(Value::is_null) {
            return vec!["`null`".to_owned()];
        }
        vec![match schema["type"].as_str() {
            Some("array") => format!("list of {}", self.kind(&format!("{path}[]"), &schema["items"], inner)),
            Some("object") => format!("map of {}", self.kind(path, &schema["additionalProperties"], inner)),
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("integer") => number(schema),
            _ => "text".to_owned(),
        }]
    }

    fn defined(&mut self, path: &str, name: &'s str, inner: &mut Inner<'s>) -> Vec<String> {
        let schema = &self.definitions[name];
        // The definitions of policy kinds stand behind the name of their kind.
        let short = name.rsplit('.').next().unwrap_or(name);
        if short == "Policy" {
            return vec!["[policy](policies.md)".to_owned()];
        }
        if let Some(title) = self.known.get(name) {
            return vec![format!("[map](#{})", anchor(title))];
        }
        if schema["properties"].is_object() {
            self.known.insert(name, format!("`{path}`"));
        } else if schema["description"].is_string() && is_single(schema) {
            assert!(self.definitions.contains_key(short), "{name} is described nowhere");
            self.values.insert(short);
            return vec![format!("[{}]({}#{})", words(short), self.values_page, anchor(&words(short)))];
        }
        self.kinds(path, schema, inner)
    }

    /// What the constants mean that a value can be.
    fn meanings(&self, schema: &Value) -> String {
        let schema = self.resolved(schema);
        if is_form(schema) {
            return String::new();
        }
        let meaning = |form: &Value| Some(format!(" `{}`: {}", text_of(&form["const"]), description(form)?));
        list(&schema["oneOf"]).iter().filter_map(meaning).collect()
    }

    /// The type of a value, or of the items of a list.
    fn resolved<'a>(&self, schema: &'a Value) -> &'a Value
    where
        's: 'a,
    {
        match reference(schema) {
            Some(name) => &self.definitions[name],
            None if schema["items"].is_object() => &schema["items"],
            None => schema,
        }
    }
}

/// The name of the definition that stands in its place.
fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// In one line, as cells of tables need it.
fn description(schema: &Value) -> Option<String> {
    Some(schema["description"].as_str()?.replace('\n', " "))
}

/// Whether it is written as a map with one of several keys.
fn is_form(schema: &Value) -> bool {
    list(&schema["oneOf"]).iter().any(|form| form["properties"].is_object())
}

/// Whether it is one text or number, and neither one of a few words nor a map.
fn is_single(schema: &Value) -> bool {
    let is_text = |schema: &Value| matches!(schema["type"].as_str(), Some("string" | "integer"));
    constants(schema).is_empty() && !is_form(schema) && (is_text(schema) || list(&schema["anyOf"]).iter().all(is_text))
}

fn constants(schema: &Value) -> Vec<String> {
    let forms = list(&schema["oneOf"]).iter().map(|form| &form["const"]);
    let constants = list(&schema["enum"]).iter().chain([&schema["const"]]).chain(forms);
    constants.filter(|constant| !constant.is_null()).map(|constant| format!("`{}`", text_of(constant))).collect()
}

fn number(schema: &Value) -> String {
    // What fits into the machine's own integers is no bound that anybody needs to know.
    let max = schema["maximum"].as_u64().filter(|max| *max < i32::MAX as u64);
    match (schema["minimum"].as_u64(), max) {
        (Some(min), Some(max)) => format!("number, {min} to {max}"),
        (Some(min @ 1..), None) => format!("number from {min}"),
        _ => "number".to_owned(),
    }
}

/// A description without what it says of the default, and that.
fn split_default(description: &str) -> (String, String) {
    for mark in DEFAULTS {
        if let Some((before, after)) = description.split_once(mark) {
            let (default, rest) = after.split_once(". ").unwrap_or((after.trim_end_matches('.'), ""));
            let is_plain = default.parse::<u64>().is_ok() || default.parse::<bool>().is_ok();
            let default = if is_plain { format!("`{default}`") } else { default.to_owned() };
            return (format!("{before}{rest}").trim().to_owned(), default);
        }
    }
    (description.to_owned(), String::new())
}

/// The words of a type's name.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// As it is written in YAML: in quotes where it would be a number without them.
fn text_of(value: &Value) -> String {
    match value.as_str() {
        Some(text) if text.parse::<f64>().is_err() => text.to_owned(),
        _ => value.to_string(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

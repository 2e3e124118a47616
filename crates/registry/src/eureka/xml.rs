//! XML as Eureka writes it, read into and made of the same values as its JSON.
//!
//! `<port enabled="true">80</port>` is `{"@enabled": "true", "$": "80"}`: with that, there is one reader and one writer.

use quick_xml::{
    Reader,
    escape::{escape, resolve_xml_entity},
    events::{BytesStart, Event},
};
use serde_json::{Map, Value};

/// Deeper than anything that a client of Eureka says.
const DEPTH: usize = 16;

/// The root element and what is in it.
///
/// # Errors
/// In lower case, what is wrong.
pub(super) fn read(text: &[u8]) -> Result<(String, Value), String> {
    let text = std::str::from_utf8(text).map_err(|_| "the body is no UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text);
    // Elements that are open, from the root on: name, attributes and elements in it, text.
    let mut open: Vec<(String, Map<String, Value>, String)> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| format!("the body is no XML: {error}"))?;
        let closed = match event {
            Event::Start(start) if open.len() < DEPTH => {
                open.push(element(&start)?);
                continue;
            }
            Event::Start(_) => return Err(format!("elements are nested deeper than {DEPTH}")),
            Event::Empty(start) => element(&start)?,
            Event::End(_) => open.pop().ok_or("an element ends that did not begin")?,
            Event::Text(text) => {
                if let Some((.., inside)) = open.last_mut() {
                    inside.push_str(&text.xml10_content().map_err(|error| error.to_string())?);
                }
                continue;
            }
            Event::CData(text) => {
                if let Some((.., inside)) = open.last_mut() {
                    inside.push_str(&text.xml10_content().map_err(|error| error.to_string())?);
                }
                continue;
            }
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(character) => character.to_string(),
                    None => {
                        let name = reference.decode().map_err(|error| error.to_string())?;
                        let known =
                            resolve_xml_entity(&name).ok_or_else(|| format!("the entity `{name}` is not known"))?;
                        known.to_owned()
                    }
                };
                if let Some((.., inside)) = open.last_mut() {
                    inside.push_str(&resolved);
                }
                continue;
            }
            Event::DocType(_) => return Err("the body has a DOCTYPE, which is not read".to_owned()),
            Event::Eof => return Err("the body ends before its root element does".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => continue,
        };
        let (name, fields, inside) = closed;
        let value = value(fields, &inside);
        match open.last_mut() {
            Some((_, fields, _)) => _ = fields.insert(name, value),
            None => return Ok((name, value)),
        }
    }
}

fn element(start: &BytesStart<'_>) -> Result<(String, Map<String, Value>, String), String> {
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut fields = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value =
            attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        fields.insert(format!("@{}", name(attribute.key.as_ref())), value.into_owned().into());
    }
    Ok((name(start.name().as_ref()), fields, String::new()))
}

fn value(mut fields: Map<String, Value>, text: &str) -> Value {
    let text = text.trim();
    if fields.is_empty() {
        return text.into();
    }
    if !text.is_empty() {
        fields.insert("$".to_owned(), text.into());
    }
    fields.into()
}

/// An element with what its value says: `@` are attributes, `$` is text, lists are elements of the same name.
pub(super) fn write(name: &str, value: &Value) -> String {
    let mut text = String::new();
    push(&mut text, name, value);
    text
}

fn push(text: &mut String, name: &str, value: &Value) {
    match value {
        // What a client calls a label may be nothing that can be called so in XML. In JSON it is there.
        _ if !is_name(name) => {}
        Value::Null => {}
        Value::Array(values) => values.iter().for_each(|value| push(text, name, value)),
        Value::Object(fields) => {
            text.push('<');
            text.push_str(name);
            for (field, value) in fields.iter().filter(|(field, _)| field.starts_with('@')) {
                text.push_str(&format!(" {}=\"{}\"", &field[1..], escape(scalar(value))));
            }
            text.push('>');
            if let Some(inside) = fields.get("$") {
                text.push_str(&escape(scalar(inside)));
            }
            for (field, value) in fields.iter().filter(|(field, _)| !field.starts_with(['@', '$'])) {
                push(text, field, value);
            }
            text.push_str(&format!("</{name}>"));
        }
        value => text.push_str(&format!("<{name}>{}</{name}>", escape(scalar(value)))),
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let value = json!({
            "hostName": "a & <b>",
            "port": { "@enabled": "true", "$": "8080" },
            "metadata": { "zone": "a", "k.e-y_": "\"ä\"" },
        });
        let text = write("instance", &value);
        assert_eq!(read(text.as_bytes()), Ok(("instance".to_owned(), value)), "{text}");
    }

    #[test]
    fn lists_and_what_xml_cannot_call() {
        let text = write("a", &json!({ "b": [1, 2], "no name": "x", "c": null, "d": { "@class": "x\"y" } }));
        assert_eq!(text, "<a><b>1</b><b>2</b><d class=\"x&quot;y\"></d></a>");
    }

    #[test]
    fn what_is_no_good() {
        let check = |text: &str, expected: &str| {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "DOCTYPE");
        check("<a>&b;</a>", "entity");
        check("<a>", "ends before");
        check("<a></b>", "no XML");
        check("", "ends before");
        check(&format!("{}{}", "<a>".repeat(20), "</a>".repeat(20)), "nested deeper");
        assert_eq!(read(b"<?xml version=\"1.0\"?><a>x &amp;&#33; <![CDATA[<y>]]></a>").unwrap().1, json!("x &! <y>"));
    }
}

//! `docs/reference.md`

use std::fmt::Write;

use serde_json::Value;

use crate::{Page, anchor, settings::Settings};

const INTRODUCTION: &str = "\
A document is YAML, or JSON, which is a part of YAML. What a word means is in [concepts](concepts.md); whole documents to copy
from are in [examples](../examples). `sluice check -c FILE` names every problem of a document with its place, and
`sluice schema` prints what this page is made of for editors: a document whose first line is
`# yaml-language-server: $schema=schema.json` is completed and explained as it is written.

Keys that are not on this page are refused. `${NAME}` in a value is replaced by the environment variable, `${NAME:-text}` by
`text` if it is not set, and `$${` is a plain `${`. Relative paths are relative to the folder of the document.
";

pub(crate) fn page() -> Page {
    let schema = schema();
    let mut settings = Settings::new(&schema, "", "##");
    settings.section("The document", &schema);
    settings.values();
    let titles = settings.titles().to_vec();
    let mut text = INTRODUCTION.to_owned();
    text.push('\n');
    for title in &titles {
        _ = writeln!(text, "- [{title}](#{})", anchor(title));
    }
    text += &settings.into_text();
    Page {
        name: "reference.md",
        title: "Reference of the document",
        source: "the schema that `sluice schema` prints",
        text,
    }
}

/// As the program prints it.
pub(crate) fn schema() -> Value {
    let kinds = policies::kinds();
    let kinds: Vec<_> = kinds.iter().map(|kind| (kind.name(), kind.schema())).collect();
    model::schema(&kinds, &[])
}

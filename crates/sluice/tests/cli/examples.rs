//! The documents that people copy from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{examples, sluice};

/// Every document, those that are parts of others included.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(documents(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn every_example_is_good() {
    let examples = examples();
    let mut checked = 0;
    for document in documents(&examples) {
        // A part alone is told that it serves nothing; with the document that includes it, it is checked as well.
        if document.parent() != Some(&examples) {
            continue;
        }
        let path = document.to_str().unwrap();
        let run = sluice(&["check", "-c", path]).await;
        assert_eq!(run.success(), format!("{path}: good\n"));
        assert_eq!(run.stderr, "");
        checked += 1;
    }
    assert!(checked >= 9, "only {checked} examples were found");
}

#[tokio::test]
async fn documents_of_deployments_are_good() {
    let path = examples().join("../deploy/tracing/sluice.yaml");
    let run = sluice(&["check", "-c", path.to_str().unwrap()]).await;
    assert!(run.success().ends_with(": good\n"), "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stderr, "");
}

#[test]
fn every_example_tells_editors_its_schema_and_people_what_it_shows() {
    for document in documents(&examples()) {
        let text = fs::read_to_string(&document).unwrap();
        let mut lines = text.lines();
        let schema = lines.next().unwrap().strip_prefix("# yaml-language-server: $schema=").unwrap();
        assert!(document.with_file_name(schema).is_file(), "{}: there is no {schema}", document.display());
        assert_eq!(lines.next(), Some("#"), "{}", document.display());
        assert!(lines.next().unwrap().len() > "# ".len(), "{} does not say what it shows", document.display());
    }
}

#[tokio::test]
async fn the_schema_beside_the_examples_is_that_of_the_program() {
    let path = examples().join("schema.json");
    let run = sluice(&["schema"]).await;
    let (written, current) = (fs::read_to_string(&path).unwrap(), run.success());
    // As values: the order of keys depends on what else is compiled along.
    let same = serde_json::from_str::<Value>(&written).unwrap() == serde_json::from_str::<Value>(current).unwrap();
    assert!(same, "out of date; write it anew: cargo run -- schema > examples/schema.json");
}

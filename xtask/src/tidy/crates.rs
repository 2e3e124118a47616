//! Which crate may name which (ARCHITECTURE.md, section 3).
//!
//! Directions are what keeps a tree of crates readable: whoever reads `route` need not know that `proxy` exists.
//! Only what is compiled into the program counts; tests may name whatever they need.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::Problem;

/// From the words that everybody speaks to the program. A crate names its own layer and those above it in this list.
const LAYERS: &[(&str, &[&str])] = &[
    ("words", &["expression", "model", "message", "fetch", "listen", "otlp", "scheduling", "store", "telemetry"]),
    ("mechanisms", &["revisions", "route", "policy", "upstream", "etcd"]),
    ("implementations", &["policies", "plugin", "discovery", "registry", "cluster"]),
    ("snapshot", &["snapshot"]),
    ("planes", &["proxy", "control", "admin"]),
    ("program", &["demo", "sluice"]),
];

/// Crates that nothing shipped may name: they drive the project, or show how it is used.
const OUTSIDE: &[&str] = &["testkit", "end-to-end", "bench", "xtask", "fuzz", "own-balancer"];

/// Implementations of contracts: the program puts them together, everybody else knows the contract only.
const NAMED_BY_PROGRAM_ONLY: &[&str] = &["policies", "plugin", "discovery", "registry", "cluster"];

/// Narrower than the layers say: (who, must not name, why).
const FORBIDDEN: &[(&str, &[&str], &str)] = &[(
    "proxy",
    &["model", "control", "admin"],
    "the path of a request follows the snapshot; what operators wrote, and who published it, are not its business",
)];

/// Edges that are wrong and known: (who, names, until when or why). Empty at best.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

pub(super) fn check(metadata: &Value, root: &Path) -> Vec<Problem> {
    let mut problems = Vec::new();
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
        let mut report = |needle: &str, what: String, why: &'static str, instead: String| {
            let file = manifest.strip_prefix(root).unwrap_or(&manifest).to_path_buf();
            problems.push(Problem { file, line: line_of(&manifest, needle), what, why, instead });
        };
        if layer(name).is_none() && !OUTSIDE.contains(&name) {
            report(
                "name",
                format!("crate `{name}` has no place among the layers"),
                "a crate without a layer can name anything and be named by anything",
                "give it a row in xtask/src/tidy/crates.rs and in ARCHITECTURE.md, section 3".into(),
            );
        }
        let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        // `kind` is null for what is compiled in, "dev" for tests, "build" for build scripts.
        let named = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
        for named in named.filter_map(|dependency| dependency["name"].as_str()) {
            if !ours.contains(&named) || EXCEPTIONS.iter().any(|(who, what, _)| *who == name && *what == named) {
                continue;
            }
            if let Some((why, instead)) = objection(name, named) {
                report(named, format!("`{name}` names `{named}`"), why, instead);
            }
        }
    }
    problems
}

/// What is wrong with the edge `name` → `named`: why, and what to do instead.
fn objection(name: &str, named: &str) -> Option<(&'static str, String)> {
    if OUTSIDE.contains(&name) {
        return None;
    }
    if OUTSIDE.contains(&named) {
        return Some((
            "what drives the project is not shipped with it",
            format!("make `{named}` a dev-dependency, or move what is needed to a crate that ships"),
        ));
    }
    let (own, other) = (layer(name)?, layer(named)?);
    if NAMED_BY_PROGRAM_ONLY.contains(&named) && LAYERS[own].0 != "program" && name != named {
        return Some((
            "implementations are put together in the program's visible list and nowhere else",
            format!("speak to the contract that `{named}` implements, and let the program pass the object in"),
        ));
    }
    if let Some((.., why)) = FORBIDDEN.iter().find(|(who, what, _)| *who == name && what.contains(&named)) {
        return Some((why, "let the snapshot carry what is needed, in the form in which the path needs it".into()));
    }
    (other > own).then(|| {
        (
            "directions: words, mechanisms, snapshot, planes, program; nothing names what comes after it",
            format!(
                "`{name}` is of the {}, `{named}` of the {}: pass a value or a trait object in, or move the shared part down",
                LAYERS[own].0, LAYERS[other].0
            ),
        )
    })
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, crates)| crates.contains(&name))
}

/// Where `needle` begins a line of the manifest; 1 when it does not.
fn line_of(manifest: &Path, needle: &str) -> usize {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    let begins = |line: &str| line.strip_prefix(needle).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    text.lines().position(begins).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directions_hold() {
        for (name, named) in
            [("snapshot", "model"), ("upstream", "message"), ("sluice", "policies"), ("end-to-end", "policies")]
        {
            assert_eq!(objection(name, named), None, "{name} names {named}");
        }
        for (name, named) in [
            ("model", "route"),
            ("proxy", "model"),
            ("proxy", "policies"),
            ("control", "policies"),
            ("route", "testkit"),
            ("snapshot", "proxy"),
        ] {
            assert!(objection(name, named).is_some(), "{name} names {named}");
        }
    }
}

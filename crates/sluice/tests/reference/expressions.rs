//! `docs/expressions.md`

use expression::{Environment, Variable};

use crate::{Page, head, row};

const INTRODUCTION: &str = "\
What an expression is, where it may stand, and what it means that it has no value: [concepts](concepts.md#expressions).
The language is CEL; this is all of it that there is here.

";

pub(crate) fn page() -> Page {
    let mut text = INTRODUCTION.to_owned();
    text += "## Variables of a request\n\n";
    text += &variables(&Environment::request());
    text += "\n## Variables of a request that has ended\n\nFor `sluice tap --where` and `where` of `/api/v1/requests` and `/api/v1/tap`.\n\n";
    text += &variables(&Environment::record());
    text += "\n## Functions\n\n";
    text += &head(&["written", "gives"]);
    for usage in expression::usages() {
        text += &row(&[&format!("`{}`", usage.written), usage.about]);
    }
    let source = "`crates/expression/src/environment.rs` and `crates/expression/src/check/function.rs`";
    Page { name: "expressions.md", title: "Expressions", source, text }
}

fn variables(environment: &Environment) -> String {
    let mut text = head(&["name", "type", "holds"]);
    for declared in environment.declared() {
        let kind = match declared.variable {
            Variable::Text(_) | Variable::Address(_) => "string",
            Variable::Int(_) => "int",
            Variable::Double(_) => "double",
            Variable::Map(_) => "map of strings",
            Variable::Time(_) => "timestamp",
        };
        text += &row(&[&format!("`{}`", declared.name), kind, declared.about]);
    }
    text
}

//! Our expressions against another implementation of CEL, on expressions at random.
//!
//! Where the two differ, the generator does not go: doubles never come to what is no number (to the other one a comparison
//! of that has no value; by the specification it does not hold), are not spelt out, and are not compared with ints that no
//! double has room for (the other one rounds them).

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use std::collections::HashMap;

use cel::{Context, Program, Value};
use common::{CASE, ENVIRONMENT, LABELS, QUERY};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};

/// Expressions that are compared. `SLUICE_EXPRESSIONS` raises it.
const CASES: u32 = 1_000;

type Text = BoxedStrategy<String>;

fn bools(depth: u32) -> Text {
    let leaf =
        select(vec!["true", "false", "('x-a' in request.headers)", "has(request.headers.z)", "has(request.query.a)"]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(depth) = depth.checked_sub(1) else { return leaf };
    let (bools, texts, ints, doubles) = (bools(depth), texts(depth), ints(depth), doubles(depth));
    let order = select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let equality = select(vec!["==", "!="]);
    let small = select(vec!["-3", "0", "1", "2", "endpoint.weight"]);
    prop_oneof![
        1 => leaf,
        4 => (bools.clone(), select(vec!["&&", "||"]), bools.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        1 => bools.clone().prop_map(|a| format!("!{a}")),
        1 => (bools.clone(), equality, bools.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        1 => (bools.clone(), bools.clone(), bools).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        3 => (texts.clone(), order.clone(), texts.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        3 => (ints.clone(), order.clone(), ints.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        2 => (doubles.clone(), order.clone(), doubles.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        1 => (small.clone(), order.clone(), doubles.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        1 => (doubles, order, small).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        2 => (texts.clone(), select(vec!["startsWith", "endsWith", "contains"]), texts.clone())
            .prop_map(|(a, f, b)| format!("{a}.{f}({b})")),
        1 => (texts.clone(), select(vec!["a", "^a?b", "[0-9]+$", "."])).prop_map(|(a, r)| format!("{a}.matches('{r}')")),
        1 => (texts.clone(), prop::collection::vec(texts.clone(), 1..4)).prop_map(|(a, l)| format!("({a} in [{}])", l.join(", "))),
        1 => (ints.clone(), prop::collection::vec(ints, 1..4)).prop_map(|(a, l)| format!("({a} in [{}])", l.join(", "))),
        1 => texts.prop_map(|a| format!("({a} in request.headers)")),
    ]
    .boxed()
}

fn texts(depth: u32) -> Text {
    let leaf = select(vec![
        "''",
        "'a'",
        "'b'",
        "'ab'",
        "'7'",
        "'-3'",
        "'x-a'",
        "'Zoë'",
        "request.method",
        "request.path",
        "request.headers.host",
        "request.headers['x-a']",
        "request.headers['x-number']",
        "request.headers['z']",
        "request.query.b",
        "endpoint.labels.zone",
        "endpoint.labels['none']",
    ]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(depth) = depth.checked_sub(1) else { return leaf };
    let (bools, texts, ints) = (bools(depth), texts(depth), ints(depth));
    prop_oneof![
        4 => leaf,
        2 => (texts.clone(), texts.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
        1 => (bools, texts.clone(), texts.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        1 => texts.prop_map(|a| format!("request.headers[{a}]")),
        1 => ints.prop_map(|a| format!("string({a})")),
    ]
    .boxed()
}

fn ints(depth: u32) -> Text {
    let leaf = select(vec![
        "0",
        "1",
        "2",
        "-3",
        "7",
        "1000",
        "9223372036854775807",
        "-9223372036854775808",
        "endpoint.weight",
        "endpoint.in_flight",
    ]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(depth) = depth.checked_sub(1) else { return leaf };
    let (bools, texts, ints, doubles) = (bools(depth), texts(depth), ints(depth), doubles(depth));
    prop_oneof![
        3 => leaf,
        4 => (ints.clone(), select(vec!["+", "-", "*", "/", "%"]), ints.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        1 => ints.clone().prop_map(|a| format!("-({a})")),
        1 => (bools, ints.clone(), ints).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        1 => texts.clone().prop_map(|a| format!("size({a})")),
        1 => texts.prop_map(|a| format!("int({a})")),
        1 => doubles.prop_map(|a| format!("int({a})")),
    ]
    .boxed()
}

fn doubles(depth: u32) -> Text {
    let leaf = select(vec!["0.0", "1.0", "1.5", "-2.25", "9007199254740993.0", "endpoint.latency"]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(depth) = depth.checked_sub(1) else { return leaf };
    let (bools, ints, doubles) = (bools(depth), ints(depth), doubles(depth));
    prop_oneof![
        3 => leaf,
        4 => (doubles.clone(), select(vec!["+", "-", "*"]), doubles.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        1 => doubles.clone().prop_map(|a| format!("({a} / 2.5)")),
        1 => doubles.clone().prop_map(|a| format!("-({a})")),
        1 => (bools, doubles.clone(), doubles).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        1 => ints.prop_map(|a| format!("double({a})")),
    ]
    .boxed()
}

/// The same subject for the other implementation.
fn context() -> Context<'static, 'static> {
    let map = |entries: &[(&str, &str)]| -> Value {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<HashMap<_, _>>().into()
    };
    let request: HashMap<String, Value> = [
        ("method", Value::from("GET")),
        ("path", CASE.path.into()),
        ("headers", map(CASE.headers)),
        ("query", map(QUERY)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    let endpoint: HashMap<String, Value> = [
        ("labels", map(LABELS)),
        ("weight", CASE.weight.into()),
        ("in_flight", 12_i64.into()),
        ("latency", CASE.latency.into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    let mut context = Context::default();
    context.add_variable_from_value("request", request);
    context.add_variable_from_value("endpoint", endpoint);
    context
}

#[test]
fn agrees_with_another_implementation() {
    let cases = std::env::var("SLUICE_EXPRESSIONS").map_or(CASES, |number| number.parse().unwrap());
    let context = context();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&bools(3), |text| {
        let condition = match ENVIRONMENT.condition(&text) {
            Ok(condition) => condition,
            Err(problems) => {
                // Some are larger than ours may be, or ask for a header by a name that none can have.
                let shown = problems[0].to_string();
                prop_assert!(shown.contains("divide it") || shown.contains("is no name"), "{}: {}", text, shown);
                return Err(TestCaseError::reject("not one of ours"));
            }
        };
        let theirs = Program::compile(&text).unwrap().execute(&context);
        let theirs = theirs.ok().map(|value| value == Value::Bool(true));
        prop_assert_eq!(condition.value(&CASE).ok(), theirs, "{}", text);
        Ok(())
    });
    outcome.unwrap();
}

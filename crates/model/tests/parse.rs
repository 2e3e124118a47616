//! Text to tree: whatever the text is, an answer in time and no panic.

use model::{Node, Report, Value};
use proptest::prelude::*;

fn parse(text: &str) -> (Option<Node>, Vec<String>) {
    let mut report = Report::default();
    let node = model::parse("test", text, &|name| (name == "A").then(|| "${B} # [".to_owned()), &mut report);
    (node, report.problems.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn good(text: &str) -> Node {
    match parse(text) {
        (Some(node), problems) if problems.is_empty() => node,
        (_, problems) => panic!("{problems:?}"),
    }
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let (node, problems) = parse(text);
    assert_eq!((node, problems), (None, vec![expected.to_owned()]));
}

#[test]
fn everything_knows_its_place() {
    let node = good("# head\na: 1\nb:\n  - x\n  - {c: \"y\", d: }\n");
    let place = |node: &Node| (node.place.line, node.place.column);
    assert_eq!(place(&node), (2, 1));
    assert_eq!(place(node.near("a")), (2, 4));
    assert_eq!(place(node.near("b")), (4, 3));
    assert_eq!(place(node.near("b").item(1)), (5, 5));
    assert_eq!(place(node.near("b").item(1).near("c")), (5, 9));
    let key = node.key("b").unwrap();
    assert_eq!((key.place.line, key.place.column), (3, 1));
}

#[test]
fn columns_count_characters() {
    assert_eq!(good("{ä: 1, b: 2}").near("b").place.column, 11);
}

#[test]
fn a_value_from_the_environment_is_a_value_whatever_it_holds() {
    assert_eq!(good("a: ${A}").near("a").text(), Some("${B} # ["));
    assert_eq!(good("a: ${NONE:-5}").near("a").value, Value::Integer(5));
    assert_eq!(good("a: \"${NONE:-5}\"").near("a").text(), Some("5"));
    assert_eq!(good("a: $${A}").near("a").text(), Some("${A}"));
}

#[test]
fn quoted_and_block_scalars_are_texts() {
    let node = good("a: '5'\nb: \"true\"\nc: |\n  null\nd: !!str 5\ne: !!int \"5\"\n");
    for (key, text) in [("a", "5"), ("b", "true"), ("c", "null\n"), ("d", "5")] {
        assert_eq!(node.near(key).text(), Some(text), "{key}");
    }
    assert_eq!(node.near("e").value, Value::Integer(5));
}

#[test]
fn a_byte_order_mark_is_no_content() {
    assert_eq!(good("\u{feff}version: 1").near("version").value, Value::Integer(1));
}

#[test]
fn aliases_expand_within_a_budget() {
    let node = good("a: &x [1, 2]\nb: *x\n");
    assert_eq!(node.near("b").items().len(), 2);

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    let (node, problems) = parse(&bomb);
    assert!(node.is_none());
    assert!(
        problems[0].ends_with("aliases make this document too large; anchors and aliases may add 32 MiB to a document")
    );
}

#[test]
fn an_alias_cannot_stand_within_itself() {
    check_refused("a: &x [*x]", "test:1:8: error: an alias within the value that it stands for");
}

#[test]
fn depth_is_bounded_also_through_aliases() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    good(&nested(64));
    for depth in [65, 100_000] {
        let (node, problems) = parse(&nested(depth));
        assert!(node.is_none() && problems[0].contains("lists and maps are nested too deeply"), "{problems:?}");
    }
    let (node, problems) = parse(&format!("a: &x {}\nb: {}*x{}\n", nested(40), "[".repeat(40), "]".repeat(40)));
    assert!(node.is_none() && problems[0].contains("this alias nests lists and maps too deeply"), "{problems:?}");
}

#[test]
fn size_is_bounded() {
    let (node, problems) = parse(&" ".repeat((64 << 20) + 1));
    assert!(node.is_none());
    assert_eq!(
        problems,
        [
            "test:1:1: error: the document has 67108865 bytes, more than the 67108864 that are read; split it with `include`"
        ]
    );
}

#[test]
fn duplicate_keys_are_found_in_large_maps_too() {
    let mut text: String = (0..1000).map(|number| format!("k{number}: {number}\n")).collect();
    text.push_str("k7: again\nk8: again\n");
    let (node, problems) = parse(&text);
    assert_eq!(
        problems,
        [
            "test:1001:1: error: the key `k7` is given twice, first at 8:1; keep one of them",
            "test:1002:1: error: the key `k8` is given twice, first at 9:1; keep one of them",
        ]
    );
    let node = node.unwrap();
    assert_eq!((node.entries().len(), &node.near("k7").value), (1000, &Value::Integer(7)));
}

/// Texts that look like documents, and those that do not.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "version: 1",
        "routes:",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "name: a",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "\"",
        "'",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "${A}",
        "${",
        "$${",
        "|",
        ">",
        "#",
        "---",
        "...",
        "%YAML 1.2",
        "? ",
        "\t",
        "0x",
        "match: { path: /{id} }",
        "upstream: u",
        "policies: [a: {}]",
        "\u{feff}",
        "é",
        "\0",
        "\r",
    ];
    let pieces = proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..40);
    prop_oneof![pieces.prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in text()) {
        let mut report = Report::default();
        let node = model::parse("test", &text, &|_| None, &mut report);
        prop_assert!(node.is_some() || report.has_errors());
        if let Some(node) = node {
            let model = model::check(&node, &mut report);
            prop_assert_eq!(model.is_none(), report.has_errors());
        }
    }

    #[test]
    fn what_json_says_is_what_is_read(value in json()) {
        let node = good(&value.to_string());
        prop_assert!(same(&node, &value), "{node:?}");
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Map, Value};
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // A hole in a text would be filled.
        any::<String>().prop_map(|text| Value::from(text.replace('$', "€"))),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map("[a-z \"\\\\:#é]{0,8}", inner, 0..6)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn same(node: &Node, json: &serde_json::Value) -> bool {
    match &node.value {
        Value::Null => json.is_null(),
        Value::Bool(value) => json == value,
        Value::Integer(value) => json == value,
        Value::Float(value) => json == value,
        Value::Text(text) => json == text.as_str(),
        Value::List(items) => json
            .as_array()
            .is_some_and(|json| json.len() == items.len() && items.iter().zip(json).all(|(n, j)| same(n, j))),
        Value::Map(entries) => json.as_object().is_some_and(|json| {
            json.len() == entries.len()
                && entries.iter().all(|(key, node)| json.get(&key.name).is_some_and(|json| same(node, json)))
        }),
    }
}

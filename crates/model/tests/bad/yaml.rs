//! Texts that are no documents.

use super::check;

#[test]
fn syntax_errors_say_what_to_do() {
    check(
        r"version: 1
---
version: 1
",
        &[
            "2:1: error: a second document (`---`) in one file; put it into a file of its own and name that under `include`",
        ],
    );
    check("version: 1\nlisteners:\n\t- name: a", &["3:2: error: a tab in the indentation; indent with spaces"]);
    check(
        r#"version: 1
routes: "abc
"#,
        &["2:9: error: a quote that is never closed; close it with the same quote"],
    );
    check(
        r"version: 1
routes: [a, b
",
        &[
            "2:9: error: a list in `[]` that does not go on as a list; separate its items with `,`, close it with `]`, and put texts that hold brackets or `,` in quotes",
        ],
    );
    check(
        r"version: 1
gateway: { grace: 5s
routes: []
",
        &[
            "3:7: error: a map in `{}` that does not go on as a map; separate its entries with `,`, close it with `}`, and put texts that hold brackets or `,` in quotes",
        ],
    );
    check(
        r"version: 1
gateway:
    grace: 5s
  workers: 1
",
        &[
            "4:3: error: a line that fits neither the map it follows nor one around it; give the keys of one map the same indentation",
        ],
    );
    check(
        r"version: 1
gateway
routes: []
",
        &["2:1: error: a key without `:`; write `key: value`, with a space after the colon"],
    );
    check(
        r"version: 1
routes: *nope
",
        &[
            "2:9: error: an alias (`*name`) of an anchor (`&name`) that is not set before it; put a text that begins with `*` or `&` in quotes: `\"*.example.org\"`",
        ],
    );
    check(
        "version: 1\ngateway: \"\\d\"",
        &[
            "2:10: error: an unknown `\\` escape in double quotes; write `\\\\` for a backslash, or use single quotes, in which nothing is escaped",
        ],
    );
    check(
        r"version: 1
gateway: { grace: ${GRACE} }
",
        &[
            "2:20: error: a map in `{}` that does not go on as a map; within `{}` or `[]` a `${NAME}` must stand in quotes",
        ],
    );
}

#[test]
fn slips_of_yaml_that_everybody_makes() {
    let flow = "separate its entries with `,`, close it with `}`, and put texts that hold brackets or `,` in quotes";
    let alias = "an alias (`*name`) of an anchor (`&name`) that is not set before it; \
                 put a text that begins with `*` or `&` in quotes: `\"*.example.org\"`";
    let map =
        "a line that fits neither the map it follows nor one around it; give the keys of one map the same indentation";
    let value = "a `key: value` where none can stand; \
                 begin it on a line of its own, indented like its neighbours; put a text that holds `: ` in quotes";
    let cases = [
        ("hosts: [*.example.org]\n", "1:9", alias.to_owned()),
        ("host: *\n", "1:7", alias.to_owned()),
        ("match: { path: /users/{id} }\n", "1:23", format!("a map in `{{}}` that does not go on as a map; {flow}")),
        ("a: %x\n", "1:4", "a text that begins with a reserved character; put it in quotes".to_owned()),
        (
            "a: 'it's'\n",
            "1:8",
            "text behind a closing quote; put all of it in quotes; within single quotes `''` is a quote".to_owned(),
        ),
        ("a: 1\n]\n", "2:1", "a bracket that closes nothing; remove it, or open it before".to_owned()),
        ("  a: b\nc: d\n", "2:1", map.to_owned()),
        ("a: 1\n  b: 2\n", "2:4", value.to_owned()),
        ("a: b: c\n", "1:5", value.to_owned()),
        (
            "a:\n  - b\n  c: d\n",
            "3:3",
            "a line that does not go on with its list; begin each item with `- `, all of them with the same indentation"
                .to_owned(),
        ),
        ("a: - b\n", "1:4", "a `- ` where no list can begin; begin a list on a line of its own".to_owned()),
        ("a: |x\n y\n", "1:4", "text behind `|` or `>`; begin the text on the next line".to_owned()),
        (
            "a: \u{1}\n",
            "1:4",
            "a control character; write it as an escape in double quotes: `\"\\u0000\"`".to_owned(),
        ),
        (
            "a: [1, 2\nb: 3\n",
            "2:2",
            "a `key: value` within a list in `[]`; close the list, or put a text that holds `: ` in quotes".to_owned(),
        ),
    ];
    for (text, place, problem) in cases {
        check(text, &[&format!("{place}: error: {problem}")]);
    }
}

#[test]
fn yaml_that_is_no_document() {
    check(
        r"version: 1
gateway: { <<: { grace: 5s } }
",
        &[
            "2:12: error: merge keys (`<<`) are not part of YAML 1.2; write the keys out, or alias a whole value: `policies: *common`",
        ],
    );
    check(
        r"version: 1
gateway: !env X
",
        &["2:15: error: the tag `!env` is not known; leave it out"],
    );
    check("version: !!int one", &["1:16: error: `one` is not what its tag `!!int` says"]);
    check(
        r"version: 1
[a]: b
",
        &["2:1: error: a key must be a text, not a list or a map"],
    );
    check(
        r"version: 1
gateway: {}
listeners: []
gateway: {}
version: 1
",
        &[
            "4:1: error: the key `gateway` is given twice, first at 2:1; keep one of them",
            "5:1: error: the key `version` is given twice, first at 1:1; keep one of them",
        ],
    );
}

#[test]
fn holes_that_nothing_fills() {
    check(
        r#"version: 1
gateway:
  grace: ${GRACE}
  workers: ${WORKERS:-2}
listeners:
  - { name: "a${", address: "127.0.0.1:${PORT}" }
  - { name: "${1}", address: "127.0.0.1:${PORTT}" }
"#,
        &[
            "3:10: error: the environment variable `GRACE` is not set; set it, or give a default: `${GRACE:-default}`",
            "6:13: error: `${` without `}`; write `$${` for a literal `${`",
            "7:13: error: `1` cannot be the name of an environment variable; write `$${` for a literal `${`",
            "7:30: error: the environment variable `PORTT` is not set; set it, or give a default: `${PORTT:-default}`",
        ],
    );
}

#[test]
fn the_outermost_map() {
    check("", &["1:1: error: the document is empty; begin with `version: 1`"]);
    check("- a", &["1:1: error: expected a map with keys such as `version`, found a list"]);
    check("hello", &["1:1: error: expected a map with keys such as `version`, found the text `hello`"]);
    check("listeners: []", &["1:1: error: missing key `version`"]);
    check("version: 2", &["1:10: error: expected the number 1, the only version of this format, found the number 2"]);
    check(
        "version: \"1\"",
        &[
            "1:10: error: expected the number 1, the only version of this format, found the text `1`; write it without quotes",
        ],
    );
    check(
        r"version: 1
listener: []
upstream: []
foo: 1
",
        &[
            "2:1: error: unknown key `listener`; did you mean `listeners`?",
            "3:1: error: unknown key `upstream`; did you mean `upstreams`?",
            "4:1: error: unknown key `foo`; known here: `version`, `$schema`, `include`, `gateway`, `listeners`, `upstreams`, `routes`, `consumers`, `tests`, `operators`",
        ],
    );
    check(
        r"version: 1
listeners: {}
upstreams: 5
routes:
consumers: alice
include: a.yaml
",
        &[
            "2:12: error: expected a list, found an empty map",
            "3:12: error: expected a list, found the number 5",
            "4:7: error: expected a list, found nothing; write `[]` for an empty list",
            "5:12: error: expected a list, found the text `alice`",
            "6:10: error: expected a list, found the text `a.yaml`",
        ],
    );
}

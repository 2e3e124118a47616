//! What one document says otherwise than another.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::UNIX_EPOCH;

use model::{Model, Node, Report};
use policy::Registry;
use snapshot::{Diff, Edition, Snapshot};

const DOCUMENT: &str = r#"
version: 1
listeners:
  - { name: web, address: 127.0.0.1:8080 }
upstreams:
  - { name: users, endpoints: [127.0.0.1:9001, 127.0.0.1:9002], timeouts: { connect: 1s } }
  - { name: shop, endpoints: [127.0.0.1:9003], policies: [compress: {}] }
routes:
  - { name: user, match: { path: "/users/{id}", methods: [GET] }, upstream: users }
  - { name: shop, match: { hosts: [shop.test] }, upstream: shop }
  - { name: old, match: { path: { prefix: /old } }, redirect: { to: "/new{rest}" } }
tests:
  - { name: t, request: { url: /users/7 }, expect: { route: user } }
"#;

struct Document {
    root: Node,
    model: Model,
    snapshot: Snapshot,
}

fn read(file: &str, text: &str) -> Document {
    let mut report = Report::default();
    let root = model::parse(file, text, &|_| None, &mut report).unwrap();
    let model = model::check(&root, &mut report);
    let kinds = Registry::new(policies::kinds());
    let snapshot = model.as_ref().and_then(|model| snapshot::compile(model, &kinds, 1, None, &mut report));
    let (Some(model), Some(snapshot)) = (model, snapshot) else { panic!("{:#?}", report.problems) };
    Document { root, model, snapshot }
}

fn diff(old: &str, new: &str) -> Diff {
    let (old, new) = (read("old", old), read("new", new));
    let [old, new] = [&old, &new].map(|Document { root, model, snapshot }| Edition { root, model, snapshot });
    snapshot::diff(old, new, UNIX_EPOCH)
}

/// Compares with the document after these replacements.
#[track_caller]
fn check(replacements: &[(&str, &str)], expected: &str) {
    let mut new = DOCUMENT.to_owned();
    for (old, text) in replacements {
        assert!(new.contains(old), "{old}");
        new = new.replace(old, text);
    }
    let told = diff(DOCUMENT, &new).to_string();
    assert_eq!(told.trim_end(), expected.trim(), "\n{told}");
}

#[test]
fn what_means_the_same_is_no_difference() {
    check(&[], "nothing has changed");
    check(
        &[
            ("version: 1", "# later\nversion: 1"),
            ("127.0.0.1:9001,", "{ weight: 1, address: 127.0.0.1:9001 },"),
            ("connect: 1s", "connect: 1000ms, first_byte: 15s"),
            ("compress: {}", "compress:"),
            ("path: \"/users/{id}\"", "path: { template: \"/users/{id}\" }"),
            ("route: user", "upstream: users"),
        ],
        "nothing has changed",
    );
}

#[test]
fn things_that_come_go_and_change() {
    check(
        &[
            (
                "127.0.0.1:8080 }",
                "127.0.0.1:8080, limits: { header_count: 50 } }\n  - { name: more, address: 127.0.0.1:8081 }",
            ),
            (
                "[127.0.0.1:9001, 127.0.0.1:9002], timeouts: { connect: 1s }",
                "[{ address: 127.0.0.1:9001, weight: 5 }, 127.0.0.1:9004]",
            ),
            ("[compress: {}]", "[compress: { min_bytes: 1KiB }, headers: { request: { set: { x-secret: s3cret } } }]"),
            ("methods: [GET]", "methods: [GET, HEAD]"),
            ("  - { name: old, match: { path: { prefix: /old } }, redirect: { to: \"/new{rest}\" } }\n", ""),
            ("version: 1", "version: 1\ngateway: { grace: 5s, policies: [request_id: {}] }"),
        ],
        r#"
gateway
  grace: added, 5s
  policies: added, [request_id]

listeners
  ~ `web`
      limits: added, { header_count: 50 }
  + `more`: { address: 127.0.0.1:8081 }

upstreams
  ~ `users`
      endpoints.127.0.0.1:9001.weight: added, 5
      endpoints.127.0.0.1:9004: added, 127.0.0.1:9004
      endpoints.127.0.0.1:9002: removed, was 127.0.0.1:9002
      timeouts: removed, was { connect: 1s }
  ~ `shop`
      policies.compress.min_bytes: added, …
      policies.headers: added, …

routes
  ~ `user`
      match.methods.HEAD: added, HEAD
  - `old`: { match: { path: { prefix: /old } }, redirect: { to: "/new{rest}" } }

requests that go elsewhere
  HEAD http://example.com/users/a
      was 404 no_route
      now `user`: upstream `users`, HEAD /users/a, host example.com
  GET http://example.com/old  (and 3 more)
      was `old`: 302 to /new
      now 404 no_route"#,
    );
}

#[test]
fn operators_are_compared() {
    let with = |role: &str| {
        let hash = "0".repeat(64);
        format!("{DOCUMENT}\noperators:\n  - {{ name: ci, role: {role}, token: {{ hash: \"blake3:{hash}\" }} }}\n")
    };
    let told = diff(&with("viewer"), &with("admin"));
    assert!(!told.same);
    let told = told.to_string();
    assert!(told.starts_with("operators\n  ~ `ci`\n      role: admin, was viewer\n"), "{told}");
    assert!(diff(DOCUMENT, &with("viewer")).to_string().starts_with("operators\n  + `ci`: "));
}

/// Which keys there are is told, and not even their hashes are.
#[test]
fn consumers_are_compared_without_their_keys() {
    let with = |list: &str| format!("{DOCUMENT}consumers: [{list}]\n");
    let credential = |last: char| format!("{{ key: {{ hash: 'blake3:{}{last}' }} }}", "a".repeat(63));
    let alice =
        |groups: &str, key: char| format!("{{ name: alice, groups: [{groups}], credentials: [{}] }}", credential(key));
    let same = diff(&with(&alice("gold", 'a')), &with(&alice("gold", 'a')));
    assert!(same.same, "{same}");
    let told = diff(&with(&alice("gold", 'a')), &with(&format!("{}, {{ name: bob }}", alice("gold, beta", 'b'))));
    let text = told.to_string();
    assert!(!told.same && text.starts_with("consumers\n  ~ `alice`\n"), "{text}");
    assert!(text.contains("groups") && text.contains("credentials") && text.contains("+ `bob`"), "{text}");
    assert!(!text.contains("aaaa"), "{text}");
}

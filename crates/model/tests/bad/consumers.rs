//! Who calls.

use super::{check, check_route};

const HASH: &str = "blake3:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn consumers() {
    check(
        r"version: 1
consumers:
  - name: alice
    groups: ['a,b', '']
    tier: 1
  - { name: alice, credentials: {} }
  - { groups: gold }
  - bob
",
        &[
            "4:14: error: the name of a group cannot hold a comma; make each an item of its own: `[gold, beta]`",
            "4:21: error: expected the name of a group, found an empty text",
            "5:5: error: unknown key `tier`; known here: `name`, `groups`, `credentials`, `labels`",
            "6:13: error: there are two consumers with the name `alice`, the first at 3:11; give each a name of its own",
            "6:33: error: expected a list, found an empty map",
            "7:5: error: missing key `name`",
            "7:15: error: expected a list, found the text `gold`",
            "8:5: error: expected a map with keys such as `name`, found the text `bob`",
        ],
    );
}

/// Whatever stands in the place of a hash may be the key itself, and is not told on.
#[test]
fn credentials_that_are_none() {
    check(
        r"version: 1
consumers:
  - name: alice
    credentials:
      - { key: canary-1 }
      - { key: { hash: canary-2 } }
      - { key: { hsh: x } }
      - { id: a }
      - { key: { hash: 'blake3:canary-3' }, not_after: soon }
",
        &[
            "5:16: error: a document does not hold keys; write `{ hash: \"blake3:…\" }`, with what `printf %s \"$KEY\" | b3sum` prints",
            "6:24: error: expected a BLAKE3 hash: `blake3:` and 64 hexadecimal digits; it is what `printf %s \"$SECRET\" | b3sum` prints, and not the secret itself",
            "7:18: error: unknown key `hsh`; did you mean `hash`?",
            "8:9: error: missing key `key`",
            "9:24: error: expected a BLAKE3 hash: `blake3:` and 64 hexadecimal digits; it is what `printf %s \"$SECRET\" | b3sum` prints, and not the secret itself",
            "9:56: error: expected a date such as `2026-01-31`, or a moment such as `2026-01-31T09:00:00Z`, found the text `soon`",
        ],
    );
}

#[test]
fn groups_that_are_given_twice() {
    check(
        r"version: 1
consumers: [ { name: alice, groups: [gold, new, gold] } ]
",
        &["2:49: warning: the group `gold` is given twice; once is enough"],
    );
}

#[test]
fn credentials_that_clash() {
    let other = HASH.replace(":a", ":b");
    check(
        &format!(
            "version: 1
consumers:
  - name: alice
    credentials:
      - {{ key: {{ hash: '{HASH}' }}, id: a }}
      - {{ key: {{ hash: '{other}' }}, id: a, created: 2026-02-01, not_after: 2026-01-01 }}
  - {{ name: bob, credentials: [ {{ key: {{ hash: '{HASH}' }} }} ] }}
  - {{ name: carol, credentials: [ {{ key: {{ hash: '{HASH}' }} }} ] }}
"
        ),
        &[
            "6:105: error: two credentials of this consumer have the id `a`; give each an `id` of its own",
            "6:140: error: it ends before it was created; leave the credential out, or correct one of them",
            "7:48: error: two credentials are the key with the hash `blake3:aaaaaaaa…`, the first at 5:24; a key shows who calls; make another one for each",
            "8:50: error: two credentials are the key with the hash `blake3:aaaaaaaa…`, the first at 5:24; a key shows who calls; make another one for each",
        ],
    );
}

#[test]
fn cohorts_name_whom_the_document_knows() {
    check_route(
        r"    split: { to: [ { upstream: users, cohort: { consumers: [alise, bob, carol], groups: [any] } } ] }
consumers: [ { name: alice }, { name: bob } ]
",
        &[
            "6:61: error: unknown consumer `alise`; did you mean `alice`?",
            "6:73: error: unknown consumer `carol`; known here: `alice`, `bob`",
        ],
    );
    check_route(
        r"    split: { to: [ { upstream: users, cohort: { consumers: [alice] } } ] }
",
        &["6:61: error: unknown consumer `alice`; this document has no consumers"],
    );
}

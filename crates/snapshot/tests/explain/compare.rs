//! Two documents side by side.

use snapshot::Comparison;

use super::{DOCUMENT, explain};

#[track_caller]
fn compare(other: &str, line: &str, expected: &str) {
    let [left, right] = [DOCUMENT, other].map(|document| explain(document, line).unwrap());
    let comparison = Comparison::new(("old.yaml".to_owned(), left), ("new.yaml".to_owned(), right));
    let told = comparison.to_string();
    assert_eq!(told.trim_end(), expected.trim_start_matches('\n').trim_end(), "{told}");
}

#[test]
fn what_changes_is_marked() {
    let other = DOCUMENT
        .replace("methods: [GET, HEAD]", "methods: [HEAD]")
        .replace("127.0.0.1:9001, ", "")
        .replace("    - request_id: {}", "    - cors: { origins: [\"https://a.test\"] }");
    compare(
        &other,
        "GET /users/7",
        "
                old.yaml                                           new.yaml
     listener   web                                                web
  *  route      user                                               users
  *  policies   request_id (gateway), compress (route)             cors (gateway)
  *  sent       GET /internal/7?from=gateway, host users.internal  GET /users/7, host localhost
     upstream   users                                              users
     protocol   http1                                              http1
     balance    round_robin                                        round_robin
  *  endpoints  127.0.0.1:9001 x1, 127.0.0.1:9002 x3               127.0.0.1:9002 x3
     timeouts   connect 1s, first_byte 15s, idle 60s               connect 1s, first_byte 15s, idle 60s

* is what changes
",
    );
}

#[test]
fn what_is_missing_on_one_side() {
    let other = DOCUMENT.replace("{ exact: /ping }", "{ exact: /pong }");
    compare(
        &other,
        "GET /ping",
        "
                old.yaml              new.yaml
     listener   web                   web
  *  route      ping                  everything
  *  policies   request_id (gateway)  request_id (gateway), headers (upstream)
  *  answer     200                   -
  *  sent       -                     GET /ping, host as the endpoint's address
  *  upstream   -                     shop
  *  protocol   -                     http1
  *  balance    -                     round_robin
  *  endpoints  -                     shop.internal:80 x1
  *  timeouts   -                     connect 1s, first_byte 250ms, idle 60s, total 60s

* is what changes
",
    );
}

/// Where things are written is no difference.
#[test]
fn the_same_in_another_place() {
    let other = DOCUMENT.replace("version: 1\n", "version: 1\n# later\n");
    let line = "GET /old/1";
    let [left, right] = [DOCUMENT, &other].map(|document| explain(document, line).unwrap());
    assert_ne!(left, right);
    let comparison = Comparison::new(("a".to_owned(), left), ("b".to_owned(), right));
    assert!(comparison.same && comparison.to_string().ends_with("nothing changes for this request\n"), "{comparison}");
}

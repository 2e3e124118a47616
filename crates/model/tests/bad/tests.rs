//! Tests: what they refer to, and what they expect.

use super::check;

const HEAD: &str = "version: 1\nlisteners: [{ name: web, address: 127.0.0.1:0 }]\n\
                    upstreams: [{ name: users, endpoints: [127.0.0.1:9001] }]\nroutes: [{ name: user, upstream: users }]\n\
                    tests:\n";

/// Compares all problems of one test.
#[track_caller]
fn check_test(line: &str, expected: &[&str]) {
    check(&format!("{HEAD}  - {line}\n"), expected);
}

#[test]
fn what_tests_refer_to() {
    check_test(
        "{ name: t, request: { url: /, listener: wep }, expect: { route: users, upstream: user } }",
        &[
            "6:45: error: unknown listener `wep`; did you mean `web`?",
            "6:69: error: unknown route `users`; did you mean `user`?",
            "6:86: error: unknown upstream `user`; did you mean `users`?",
        ],
    );
}

#[test]
fn what_tests_must_hold() {
    check_test(
        "{}",
        &["6:5: error: missing key `name`", "6:5: error: missing key `request`", "6:5: error: missing key `expect`"],
    );
    check_test("{ name: \"\", request: {}, expect: {} }", &["6:26: error: missing key `url`"]);
    check_test(
        "{ name: \"\", request: { url: / }, expect: {} }",
        &[
            "6:13: error: expected the name of a test, found an empty text",
            "6:46: error: a test that expects nothing; for example `route: users`",
        ],
    );
    check(
        &format!(
            "{HEAD}  - {{ name: t, request: {{ url: / }}, expect: {{ route: user }} }}\n  - {{ name: t, request: {{ url: / }}, expect: {{ route: user }} }}\n"
        ),
        &["7:13: error: there are two tests with the name `t`, the first at 6:13; give each a name of its own"],
    );
}

#[test]
fn values_of_tests() {
    check_test(
        "{ name: t, request: { url: /, method: get, client_ip: 10.0.0.0/8, headers: { \"a b\": c } }, expect: { status: 700, route: [a], headers: { x: \"\\x01\" }, statis: 1 } }",
        &[
            "6:43: error: methods are case-sensitive, and `get` is none that clients send; write `GET`",
            "6:59: error: expected an IP address such as `192.0.2.7`, found the text `10.0.0.0/8`; it is one address, not a network",
            "6:82: error: expected the name of a header field, found the text `a b`",
            "6:114: error: expected a status from 200 to 599, found the number 700",
            "6:126: error: expected the name of a route, or `null` for none, found a list",
            "6:145: error: the value of a header field cannot hold control characters",
            "6:155: error: unknown key `statis`; did you mean `status`?",
        ],
    );
}

//! The tests that a document holds.

use super::{DOCUMENT, compile};

/// Adds tests, one to a line as `request: …, expect: …`, and compares the problems, one to a line as
/// `line-of-the-test:column: message; hint`.
#[track_caller]
fn check(tests: &[&str], expected: &[&str]) {
    let before = DOCUMENT.lines().count() + 1;
    let mut document = format!("{DOCUMENT}tests:\n");
    for test in tests {
        document += &format!("  - {{ name: t, {test} }}\n");
    }
    // Each has a name of its own, which the comparison need not hold.
    let document =
        (0..tests.len()).fold(document, |document, n| document.replacen("name: t,", &format!("name: t{n},"), 1));
    let problems = compile(&document).err().unwrap_or_default();
    let told: Vec<_> = problems
        .lines()
        .map(|line| {
            let (place, message) = line.strip_prefix("test.yaml:").unwrap().split_once(": error: ").unwrap();
            let (line, column) = place.split_once(':').unwrap();
            format!("{}:{column}: {message}", line.parse::<usize>().unwrap() - before)
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn what_holds_is_not_mentioned() {
    check(
        &[
            "request: { url: /users/7 }, expect: { route: user, upstream: users, path: /internal/7 }",
            "request: { url: /users/7 }, expect: { path: \"/internal/7?from=gateway\" }",
            "request: { url: /users/7, headers: { x-canary: \"1\" } }, expect: { route: canary }",
            "request: { url: /users/7, method: PUT }, expect: { route: users }",
            "request: { url: /old/1 }, expect: { route: old, status: 308, headers: { location: /new/1 } }",
            "request: { url: /ping }, expect: { route: ping, status: 200, headers: { X-A: [b, c] } }",
            "request: { url: \"http://reports.test/\", listener: internal }, expect: { route: reports, status: 204 }",
            "request: { url: \"http://reports.test/\", listener: internal, client_ip: 1.1.1.1 }, expect: { route: everything }",
            "request: { url: \"/a%2fb\" }, expect: { route: null, cause: invalid_path, status: 400 }",
        ],
        &[],
    );
}

#[test]
fn another_route_than_expected() {
    check(
        &[
            "request: { url: /users/7 }, expect: { route: users }",
            "request: { url: /users/7, method: PUT }, expect: { route: user }",
            "request: { url: /x }, expect: { route: null }",
            "request: { url: \"/..\" }, expect: { route: user }",
            "request: { url: /x }, expect: { cause: no_route }",
        ],
        &[
            "1:62: test `t0` expects the route `users`, and found the route `user`; `user` goes before `users` by method: given before any",
            "2:75: test `t1` expects the route `user`, and found the route `users`; `user` does not match: method is not one of GET, HEAD",
            "3:56: test `t2` expects no route, and found the route `everything`; `everything` matches: priority 0, any host, any path, route number 1",
            "4:59: test `t3` expects the route `user`, and found that it is refused with 400 `invalid_path`; the path leads above the root",
            "5:56: test `t4` expects the cause `no_route`, and found the upstream `shop`; `everything` matches: priority 0, any host, any path, route number 1",
        ],
    );
}

#[test]
fn something_else_than_expected() {
    check(
        &[
            "request: { url: /users/7 }, expect: { upstream: shop, path: /users/7 }",
            "request: { url: /ping }, expect: { status: 204, path: /ping, headers: { x-a: b, x-b: c } }",
            "request: { url: /old/1 }, expect: { upstream: users, headers: { location: /old/1, x-a: b } }",
            "request: { url: \"/..\" }, expect: { cause: invalid_host, headers: { x-a: b } }",
        ],
        &[
            "1:65: test `t0` expects the upstream `shop`, and found the upstream `users`; `user` matches: priority 0, any host, path with 1 literal segment, method, route number 3",
            "1:77: test `t0` expects the path `/users/7`, and found `/internal/7`",
            "2:60: test `t1` expects the status 204, and found a response with the status 200",
            "2:71: test `t1` expects the path `/ping`, and found a response with the status 200",
            "2:94: test `t1` expects the header `x-a: b`, and found `b, c`",
            "2:102: test `t1` expects the header `x-b: c`, and found no such header",
            "3:63: test `t2` expects the upstream `users`, and found a redirect to `/new/1` with the status 308; `old` matches: priority 0, any host, path with 1 literal segment, route number 5",
            "3:91: test `t2` expects the header `location: /old/1`, and found `/new/1`",
            "3:104: test `t2` expects the header `x-a: b`, and found no such header",
            "4:59: test `t3` expects the cause `invalid_host`, and found that it is refused with 400 `invalid_path`; the path leads above the root",
            "4:89: test `t3` expects the header `x-a: b`, and found that it is refused with 400 `invalid_path`; expect its `cause` or its `status`",
        ],
    );
}

#[test]
fn what_cannot_be_known_or_asked() {
    check(
        &[
            "request: { url: /users/7 }, expect: { status: 200, headers: { x-a: b } }",
            "request: { url: users }, expect: { route: user }",
            "request: { url: /users/7 }, expect: { cause: no_rute }",
            "request: { url: /users/7 }, expect: { cause: x }",
        ],
        &[
            "1:63: test `t0` expects the status 200, which only an endpoint of the upstream `users` can say; expect `route`, `upstream` or `path`",
            "1:84: test `t0` expects the header `x-a: b`, which only an endpoint of the upstream `users` can say; expect `route`, `upstream` or `path`",
            "2:33: test `t1`: the URL `users` cannot be asked for: it must begin with `http://`, `https://` or `/`",
            "3:62: test `t2` expects the cause `no_rute`, which there is not; did you mean `no_route`?",
            "4:62: test `t3` expects the cause `x`, which there is not; docs/errors.md lists all of them",
        ],
    );
}

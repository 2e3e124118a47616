//! How a request is read, and on which listener it arrives.

use super::{DOCUMENT, check, explain, tells};

#[track_caller]
fn reads(line: &str, request: &str) {
    tells(DOCUMENT, line, &[&format!("request     {request}")]);
}

#[test]
fn urls_as_clients_take_them_apart() {
    reads("GET http://API.test:80/a//b/./%61?x=/../#top", "GET /a/b/a?x=/../, host api.test,");
    reads("GET http://api.test?x", "GET /?x, host api.test,");
    reads("GET http://api.test", "GET /, host api.test,");
    reads("GET ws://[::1]:80/a", "GET /a, host [::1],");
    reads("GET /a", "GET /a, host localhost,");
    reads("GET /a host=b.test", "GET /a, host b.test,");
    reads("GET http://a.test/ host=b.test:1", "GET /, host b.test,");
    reads("OPTIONS *", "OPTIONS *, host localhost,");
}

#[test]
fn clients_behind_proxies() {
    reads("GET / ip:9.9.9.9 x-forwarded-for=1.1.1.1", "GET /, host localhost, from 9.9.9.9,");
    reads("GET / ip:10.0.0.1 x-forwarded-for=1.1.1.1", "GET /, host localhost, from 1.1.1.1,");
    reads("GET / ip:10.0.0.1", "GET /, host localhost, from 10.0.0.1,");
}

/// The route of the method that a preflight asks for answers it.
#[test]
fn preflights() {
    let line = "OPTIONS /users/7 origin=https://a.test access-control-request-method=GET";
    tells(DOCUMENT, line, &["OPTIONS (a preflight for GET) /users/7,", "route       `user`,"]);
    tells(DOCUMENT, "OPTIONS /users/7", &["route       `users`,", "`user`        method is not one of GET, HEAD"]);
}

/// What belongs to one hop is gone before routes look.
#[test]
fn fields_of_one_hop() {
    tells(DOCUMENT, "GET /users/7 x-canary=1", &["route       `canary`,"]);
    tells(
        DOCUMENT,
        "GET /users/7 x-canary=1 connection=x-canary",
        &["route       `user`,", "header x-canary is absent"],
    );
}

#[test]
fn requests_that_are_refused() {
    check(
        DOCUMENT,
        "GET /a%2fb",
        "
request     GET /a%2fb, on listener `web`
route       none

answer      400 invalid_path: the path holds an encoded slash
",
    );
    let long = format!("GET /{}", "a".repeat(8 << 10));
    for (line, answer) in [
        ("GET /..", "400 invalid_path: the path leads above the root"),
        ("GET http://a_b!/", "400 invalid_host: the host is not a name or an address with an optional port"),
        ("GET / host=a host=b", "400 invalid_host: there are several host fields"),
        ("GET /\u{1}", "400 malformed_request: the request target holds a character that it cannot"),
        ("CONNECT /", "501 unsupported_method: this gateway is no forward proxy"),
        (&long, "414 uri_too_long: the request target exceeds 8192 bytes"),
        ("GET / via=1.1,sluice", "200, with a body of 0 bytes"),
    ] {
        let document =
            "version: 1\nlisteners: [{ name: web, address: 127.0.0.1:0 }]\nroutes: [{ name: a, respond: {} }]\n";
        tells(document, line, &[&format!("answer      {answer}\n")]);
    }
    let many = format!("GET /{}", (0..101).map(|n| format!(" x{n}=1")).collect::<String>());
    tells(DOCUMENT, &many, &["431 headers_too_large: there are more than 100 header fields\n"]);
}

#[test]
fn listeners() {
    // Another listener is mentioned only if it makes a difference.
    let elsewhere = |line: &str| {
        let told = explain(DOCUMENT, line).unwrap();
        let one = |other: &snapshot::Elsewhere| {
            (other.listener.to_string(), other.route.as_deref().map(str::to_owned), other.policies_differ)
        };
        (told.listener.to_string(), told.elsewhere.iter().map(one).collect::<Vec<_>>())
    };
    let internal = |route: &str, differ| vec![("internal".to_owned(), Some(route.to_owned()), differ)];
    assert_eq!(elsewhere("GET http://a.test/"), ("web".to_owned(), internal("everything", true)));
    assert_eq!(elsewhere("GET http://reports.test/"), ("web".to_owned(), internal("reports", false)));
    assert_eq!(elsewhere("GET http://a.test/ listener:internal"), ("internal".to_owned(), vec![]));
    // Something in front may have ended TLS.
    assert_eq!(elsewhere("GET https://reports.test/"), ("web".to_owned(), internal("reports", false)));
    tells(
        DOCUMENT,
        "GET http://reports.test/",
        &[
            "`reports`     the route is not on this listener; it would win otherwise\n",
            "elsewhere   on listener `internal`, the route is `reports`\n",
        ],
    );
}

#[test]
fn questions_that_make_no_sense() {
    let why = |document: &str, line: &str| explain(document, line).unwrap_err().to_string();
    assert_eq!(
        why(DOCUMENT, "GET users"),
        "the URL `users` cannot be asked for: it must begin with `http://`, `https://` or `/`"
    );
    assert_eq!(why(DOCUMENT, "GET http:///a"), "the URL `http:///a` cannot be asked for: it has no host");
    assert_eq!(
        why(DOCUMENT, "GET http://me@a.test/"),
        "the URL `http://me@a.test/` cannot be asked for: it holds a user, which clients send in the field `authorization`"
    );
    assert_eq!(why(DOCUMENT, "GET / listener:internl"), "unknown listener `internl`; did you mean `internal`?");
    assert_eq!(why(DOCUMENT, "GET / listener:x"), "unknown listener `x`");
    assert_eq!(why("version: 1\n", "GET /"), "the document has no listener that could take the request");
}

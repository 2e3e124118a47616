//! What expressions come to.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{CASE, ENVIRONMENT};
use expression::Failure;

/// Asserts that every expression holds.
#[track_caller]
fn hold(texts: &[&str]) {
    for text in texts {
        let condition = ENVIRONMENT.condition(text).unwrap_or_else(|problems| panic!("{text}: {problems:#?}"));
        assert_eq!(condition.value(&CASE), Ok(true), "{text}");
    }
}

#[track_caller]
fn fail(texts: &[&str], failure: Failure) {
    for text in texts {
        let condition = ENVIRONMENT.condition(text).unwrap_or_else(|problems| panic!("{text}: {problems:#?}"));
        assert_eq!(condition.value(&CASE), Err(failure), "{text}");
        assert!(!condition.holds(&CASE), "{text}");
    }
}

#[test]
fn variables() {
    hold(&[
        "request.method == 'GET'",
        "request.host == 'a.example' && request.scheme == 'https'",
        "request.path == '/users/7'",
        "request.headers['x-a'] == 'b'",
        "request.headers['X-A'] == 'b'",
        "request.headers.host == 'a.example'",
        "request.query.a == '1' && request.query['b'] == 'x y'",
        "tls.sni == ''",
        "endpoint.labels.zone == 'a'",
        "endpoint.weight == 3 && endpoint.in_flight == 12 && endpoint.latency == 1.5",
        "now > timestamp('2026-01-01T00:00:00Z')",
    ]);
}

#[test]
fn operators() {
    hold(&[
        "true",
        "!false",
        "!!true",
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "7 / 2 == 3 && -7 / 2 == -3",
        "7 % 3 == 1 && -7 % 3 == -1",
        "1 - 2 - 3 == -4",
        "-endpoint.weight == -3",
        "0x10 == 16",
        "-9223372036854775808 < 0",
        "1.5 + 1.0 == 2.5 && 1e3 == 1000.0 && .5 < 1.0",
        "1 < 1.5 && 1.5 < 2 && 1 == 1.0 && 1 != 1.5",
        "endpoint.latency < 100",
        "'a' < 'b' && 'a' + 'b' == 'ab'",
        "true == true && true != false",
        "1 < 2 ? true : false",
        "(request.method == 'GET' ? 1 : 2) == 1",
        "true || false && false",
        "request.method in ['POST', 'GET']",
        "!(request.method in ['POST', 'PUT'])",
        "request.path in ['/', '/users/' + '7']",
        "endpoint.weight in [1, 2, 3]",
        "'x-a' in request.headers && !('x-z' in request.headers)",
        "has(request.headers['x-a']) && has(request.headers.host) && !has(request.cookies.c)",
        "request.method + '-x' in request.headers == false",
    ]);
}

#[test]
fn functions() {
    hold(&[
        "request.path.startsWith('/users') && request.path.endsWith('7') && request.path.contains('sers')",
        "request.path.matches('^/users/[0-9]+$') && matches(request.path, 'users')",
        "request.headers['x-name'].size() == 3 && size('abc') == 3",
        "request.headers['x-name'].lowerAscii() == 'zoë' && 'zoë'.upperAscii() == 'ZOë'",
        "int(request.headers['x-number']) == 7 && int('-3') == -3 && int(2.9) == 2 && int(-2.9) == -2",
        "double('1.5') == 1.5 && double(3) == 3.0",
        "string(7) == '7' && string(true) == 'true' && string(1.5) == '1.5' && string('a') == 'a'",
        "int(timestamp('1970-01-01T00:01:00Z')) == 60 && timestamp(60) == timestamp('1970-01-01T00:01:00Z')",
    ]);
}

#[test]
fn addresses() {
    hold(&[
        "client.ip.within('10.0.0.0/8')",
        "client.ip.within(['192.168.0.0/16', '10.1.2.3'])",
        "!client.ip.within('192.168.0.0/16')",
        "client.ip == '10.1.2.3' && '10.1.2.3' == client.ip && client.ip != '10.1.2.4'",
        "client.ip in ['10.1.2.3', '::1']",
        "client.ip.startsWith('10.1.') && client.ip + '!' == '10.1.2.3!'",
        "client.ip != request.host",
        "'192.0.2.1'.within('192.0.2.0/24')",
    ]);
    let mapped = common::Case { client: "::ffff:10.1.2.3".parse().unwrap(), ..CASE };
    for text in ["client.ip == '10.1.2.3'", "client.ip.within('10.0.0.0/8')", "client.ip.within('::ffff:0:0/96')"] {
        assert_eq!(ENVIRONMENT.condition(text).unwrap().value(&mapped), Ok(true), "{text}");
    }
}

#[test]
fn times() {
    hold(&[
        "now.getFullYear() == 2026 && now.getMonth() == 7 && now.getDate() == 5 && now.getDayOfMonth() == 4",
        "now.getDayOfWeek() == 3 && now.getDayOfYear() == 216",
        "now.getHours() == 12 && now.getMinutes() == 34 && now.getSeconds() == 56 && now.getMilliseconds() == 789",
        "now.getHours('+02:00') == 14 && now.getHours('-12:35') == 23 && now.getDate('-12:35') == 4",
        "now.getHours('UTC') == 12",
        "now - timestamp('2026-08-05T12:00:00Z') < duration('35m')",
        "now + duration('1h') > now && duration('1h') + now - duration('1h') == now",
        "duration('90m') == duration('1h30m') && duration('1h') - duration('90m') == duration('-30m')",
        "duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90 && duration('1.5s').getSeconds() == 1",
        "duration('1.5s').getMilliseconds() == 500",
        "now == now",
    ]);
}

#[test]
fn texts() {
    hold(&[
        r#"'a' == "a" && '''a''' == """a""""#,
        r#"'\'' == "'" && "\"" == '"' && '\n' == "\x0a" && "\u00eb" == 'ë' && '\U0001F600' == '😀' && '\101' == 'A'"#,
        r#"r'\d' == '\\d' && R"\"=='\\'"#,
        "'''a\nb''' == 'a\\nb'",
        "'a' // a comment\n == 'a'",
        "'' == ''",
    ]);
}

/// `&&` and `||` give the value of a side that decides alone, on whichever side the other one fails.
#[test]
fn a_side_that_decides_alone_does() {
    hold(&[
        "true || request.headers['z'] == ''",
        "request.headers['z'] == '' || true",
        "!(false && request.headers['z'] == '')",
        "!(request.headers['z'] == '' && false)",
        "false || request.headers['z'] == '' || true",
        "true ? true : request.headers['z'] == ''",
    ]);
}

#[test]
fn what_has_no_value_does_not_hold() {
    fail(
        &[
            "request.headers['z'] == ''",
            "request.headers['z'] != ''",
            "!(request.headers['z'] == '')",
            "request.headers[request.headers['x-a']] == ''",
            "request.headers['z'] == '' || false",
            "true && request.headers['z'] == ''",
            "request.headers['z'] == '' ? true : true",
            "request.headers['z'] in ['a']",
            "request.method in ['GET', request.headers['z']]",
        ],
        Failure::Missing,
    );
    fail(&["1 / 0 == 1", "1 % 0 == 1", "endpoint.weight / (endpoint.weight - 3) == 0"], Failure::DivisionByZero);
    fail(
        &[
            "9223372036854775807 + endpoint.weight > 0",
            "-9223372036854775808 - endpoint.weight < 0",
            "-(-9223372036854775807 - 1) > 0",
            "(-9223372036854775807 - 1) / -1 > 0",
            "int(1e19) > 0",
            "timestamp(9223372036854775807) > now",
            "now + duration('87600000h') > now",
        ],
        Failure::Overflow,
    );
    fail(
        &[
            "int(request.headers['x-a']) == 1",
            "int('1.5') == 1",
            "double('x') == 1.0",
            "timestamp(request.headers['x-a']) < now",
            "duration(request.headers['x-a']) > duration('0')",
            "request.headers['x-a'].within('10.0.0.0/8')",
        ],
        Failure::Unreadable,
    );
}

#[test]
fn doubles_divide_by_zero() {
    hold(&["1.0 / 0.0 > 1e300", "!(0.0 / 0.0 == 0.0 / 0.0) && 0.0 / 0.0 != 1.0", "!(0.0 / 0.0 < 1)"]);
}

#[test]
fn texts_and_numbers() {
    let label = ENVIRONMENT.text("request.headers['x-a'] + '-' + request.method").unwrap();
    assert_eq!(label.value(&CASE).unwrap(), "b-GET");
    let address = ENVIRONMENT.text("client.ip").unwrap();
    assert_eq!(address.value(&CASE).unwrap(), "10.1.2.3");
    let score = ENVIRONMENT.number("endpoint.latency * double(endpoint.in_flight + 1)").unwrap();
    assert_eq!(score.value(&CASE), Ok(19.5));
    assert_eq!(ENVIRONMENT.number("endpoint.weight").unwrap().value(&CASE), Ok(3.0));
    assert_eq!(
        ENVIRONMENT.text("1").unwrap_err()[0].to_string(),
        "this expression gives a string, and what is written is an int, at character 1"
    );
}

/// Of the bounds, what is just within them works.
#[test]
fn the_largest_expressions() {
    let joined = vec!["request.method == 'GET'"; 42].join(" && ");
    hold(&[&joined, &format!("{}true{}", "(".repeat(32), ")".repeat(32)), &format!("{}true", "!".repeat(32))]);
    let sum = vec!["1"; 127].join(" + ") + " == 127";
    hold(&[&sum]);
}

#[test]
fn expressions_are_shared_and_compared() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<expression::Condition>();
    let condition = |text: &str| ENVIRONMENT.condition(text).unwrap();
    assert_eq!(condition("true"), condition("true"));
    assert_ne!(condition("true"), condition("1 == 1"));
    assert_eq!(condition("1 == 1").to_string(), "1 == 1");
}

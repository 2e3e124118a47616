//! What is said of bad expressions: all of it, and nothing else.

mod common;

use common::ENVIRONMENT;
use expression::Environment;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let problems = ENVIRONMENT.condition(text).err().unwrap_or_default();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, expected, "{text}");
}

#[test]
fn what_does_not_parse() {
    check("", &["the expression is empty, at character 1"]);
    check("  // nothing", &["the expression is empty, at character 1"]);
    check("true false", &["expected an operator or the end, found `false`, at character 6"]);
    check("true and false", &["expected an operator or the end, found `and`, at character 6; `and` is written `&&`"]);
    check("not true", &["expected an operator or the end, found `true`, at character 5"]);
    check("1 = 2", &["`=` means nothing here, at character 3; two values are compared with `==`"]);
    check("true & true", &["`&` means nothing here, at character 6; both must hold is written `&&`"]);
    check("true &&", &["expected a value, found the end, at character 8"]);
    check("(true", &["expected `)` behind what is in parentheses, found the end, at character 6"]);
    check("true ? true", &["expected `:` and what holds otherwise, found the end, at character 12"]);
    check("request.", &["expected a name behind the `.`, found the end, at character 9"]);
    check("request.headers['a'", &["expected `]` behind the key, found the end, at character 20"]);
    check("size('a' 'b') == 1", &["expected `)` or a comma, found a text, at character 10"]);
    check("1 in [1, 2", &["expected `]` or a comma, found the end, at character 11"]);
    check("'a", &["this text has no end; it lacks a `'`, at character 1"]);
    check(
        "'a\nb' == ''",
        &["a text ends on the line that it begins on, at character 1; write `\\n` for a line break within it"],
    );
    check(
        r"'\d' == ''",
        &[r#"`\d` stands for nothing, at character 2; write `\\` for a backslash, or the whole text as `r"…"`"#],
    );
    check(
        r"'\ud800' == ''",
        &[r#"`\u` stands for nothing, at character 2; write `\\` for a backslash, or the whole text as `r"…"`"#],
    );
    check("b'a' == b'a'", &["bytes cannot be written here, at character 1; write a text, without the `b`"]);
    check("1u == 1u", &["`1u`: there are no unsigned numbers here, at character 1; write `1`"]);
    check("1a == 1", &["`1a` is no number, at character 1"]);
    check("0xg == 1", &["`0xg` is no number of 64 bits, at character 1"]);
    check("9223372036854775808 == 1", &["9223372036854775808 is too large for a number of 64 bits, at character 1"]);
    check("99999999999999999999 == 1", &["`99999999999999999999` is no number of 64 bits, at character 1"]);
    check(
        "request.headers['a'] == null",
        &[
            "`null`: nothing here can be null, at character 25; ask whether a map has a key with `\"key\" in map`, or `has(map.key)`",
        ],
    );
    check("{'a': 1} == 1", &["a map cannot be written out here, at character 1"]);
    check("if true", &["`if` is a word that CEL keeps for itself, at character 1"]);
    check("ä == 1", &["`ä` means nothing here, at character 1"]);
    check("'ä' == 'ä' § 1", &["`§` means nothing here, at character 12"]);
}

#[test]
fn what_is_too_large() {
    let long = format!("'{}' == ''", "a".repeat(4096));
    check(
        &long,
        &[
            "an expression of 4104 bytes; at most 4096 are read, at character 1; divide it among several routes or policies",
        ],
    );
    let deep = format!("{}true{}", "(".repeat(33), ")".repeat(33));
    check(
        &deep,
        &["the expression is nested more than 32 deep, at character 34; divide it among several routes or policies"],
    );
    let negations = format!("{}true", "!".repeat(33));
    check(
        &negations,
        &["the expression is nested more than 32 deep, at character 34; divide it among several routes or policies"],
    );
    let many = vec!["true"; 129].join(" && ");
    check(
        &many,
        &["the expression has more than 256 parts, at character 1022; divide it among several routes or policies"],
    );
    check(
        &format!("request.path.matches('{}')", "a{999}{999}"),
        &["a regular expression that takes more than 1 MiB, at character 22; lower its counted repetitions"],
    );
}

#[test]
fn unknown_names() {
    check(
        "request.metod == 'GET'",
        &["unknown variable `request.metod`, at character 1; did you mean `request.method`?"],
    );
    check(
        "request.header['a'] == 'b'",
        &["unknown variable `request.header`, at character 1; did you mean `request.headers`?"],
    );
    check(
        "request.headrs.a == 'b'",
        &["unknown variable `request.headrs.a`, at character 1; did you mean `request.headers`?"],
    );
    check("headers['a'] == 'b'", &["unknown variable `headers`, at character 1; did you mean `request.headers`?"]);
    check("req.method == 'GET'", &["unknown variable `req.method`, at character 1; did you mean `request.method`?"]);
    check(
        "zzz == 1",
        &[
            "unknown variable `zzz`, at character 1; known here: `request.method`, `request.host`, `request.path`, `request.scheme`, `request.headers`, `request.query`, `request.cookies`, `client.ip`, …",
        ],
    );
    check("client == 'a'", &["`client` has no value of its own, at character 1; name one below it: `client.ip`"]);
    check(
        "request.path.starts_with('/a')",
        &["unknown function `starts_with`, at character 14; did you mean `startsWith`?"],
    );
    check(
        "len(request.path) == 1",
        &[
            "unknown function `len`, at character 1; known here: `has`, `matches`, `size`, `int`, `double`, `string`, `timestamp`, `duration`",
        ],
    );
    check(
        "request.path.zzz()",
        &[
            "unknown function `zzz`, at character 14; known here: `startsWith`, `endsWith`, `contains`, `matches`, `within`, `size`, `lowerAscii`, `upperAscii`, `getFullYear`, `getMonth`, `getDate`, `getDayOfMonth`, `getDayOfWeek`, `getDayOfYear`, `getHours`, `getMinutes`, `getSeconds`, `getMilliseconds`",
        ],
    );
    check("request.path.size == 1", &["a string has no `.size`, at character 1; write `.size(…)`, with parentheses"]);
    check("request.path.foo == 1", &["a string has no `.foo`, at character 1"]);
    check(
        "consumer.name == 'a'",
        &[
            "`consumer.name` is not available in this version of sluice, at character 1; who calls is found out by policies, once the route is known; a `split` can go by it, and a header can be matched with `request.headers`",
        ],
    );
    check(
        "'gold' in consumer.groups",
        &[
            "`consumer.groups` is not available in this version of sluice, at character 11; who calls is found out by policies, once the route is known; a `split` can go by it, and a header can be matched with `request.headers`",
        ],
    );
    check(
        "request.headers.x-a == 'b'",
        &[
            "`request.headers.x-a` is read as `request.headers.x` minus `a`, at character 1; write `request.headers[\"x-a\"]`",
        ],
    );
    check("request.headers['a b'] == ''", &["`a b` is no name that a header can have, at character 17"]);
    let narrow = Environment::endpoint().condition("request.method == 'GET'").err().unwrap_or_default();
    assert_eq!(narrow.len(), 1, "{narrow:?}");
}

#[test]
fn types_that_do_not_go_together() {
    check(
        "request.path",
        &[
            "a condition gives a bool, and this is a string, at character 1; compare it with something, as in `… == \"x\"`",
        ],
    );
    check(
        "request.headers",
        &["a condition gives a bool, and this is a map, at character 1; ask whether it has a key: `\"x\" in …`"],
    );
    check(
        "endpoint.weight",
        &["a condition gives a bool, and this is an int, at character 1; compare it with something, as in `… > 0`"],
    );
    check("now", &["a condition gives a bool, and this is a timestamp, at character 1"]);
    check(
        "request.path && true",
        &["`&&` joins bools, and this is a string, at character 1; compare it with something, as in `… == \"x\"`"],
    );
    check(
        "!request.path",
        &["`!` goes with a bool, and this is a string, at character 2; compare it with something, as in `… == \"x\"`"],
    );
    check(
        "request.path == 7",
        &[
            "`==` compares values of one type, and these are a string and an int, at character 14; put the number in quotes, or read the string with `int(…)`",
        ],
    );
    check(
        "request.headers == 'a'",
        &[
            "`==` compares values of one type, and these are a map and a string, at character 17; compare an entry of the map: `map[\"x\"]`",
        ],
    );
    check("true < false", &["`<` does not go between two bools, at character 6"]);
    check(
        "1 < 2 < 3",
        &[
            "`<` compares values of one type, and these are a bool and an int, at character 7; join two comparisons with `&&`",
        ],
    );
    check(
        "1 + 1.0 == 2.0",
        &[
            "`+` does not go between an int and a double, at character 3; make the int a double: `double(…)`, or `1.0` for `1`",
        ],
    );
    check(
        "'a' + 1 == ''",
        &["`+` does not go between a string and an int, at character 5; make a string of it: `string(…)`"],
    );
    check(
        "now + 5 > now",
        &["`+` does not go between a timestamp and an int, at character 5; write a duration: `duration(\"30s\")`"],
    );
    check("5.0 % 2.0 == 1.0", &["`%` does not go between a double and a double, at character 5"]);
    check("-request.path == ''", &["`-` goes with a number, and this is a string, at character 1"]);
    check("!'x-a' in request.headers", &["`!` binds closer than `in`, at character 1; write `!(… in …)`"]);
    check(
        "1 ? true : false",
        &[
            "what stands before `?` decides, and this is an int, at character 1; compare it with something, as in `… > 0`",
        ],
    );
    check(
        "(true ? 1 : 'a') == 1",
        &["`? :` chooses between values of one type, and these are an int and a string, at character 7"],
    );
    check(
        "'a' in 'abc'",
        &[
            "`in` looks into a list or a map, and this is a string, at character 5; look into a string with `.contains(…)`",
        ],
    );
    check("1 in ['a']", &["this list holds strings, and what is looked for is an int, at character 3"]);
    check("1 in []", &["this list is empty, and holds nothing, at character 6"]);
    check("1 in [1, 'a']", &["a list holds values of one type, and this one has an int and a string, at character 10"]);
    check("1.5 in [1.5]", &["a list holds strings or ints, and this one begins with a double, at character 8"]);
    check("request.path['a'] == ''", &["`[…]` takes an entry out of a map, and this is a string, at character 1"]);
    check("request.headers[1] == ''", &["the key of an entry is a string, and this is an int, at character 17"]);
    check(
        "has(request.path)",
        &[
            "`has` asks for an entry of a map, and this is none, at character 5; name one: `has(request.headers.host)`, or `\"host\" in request.headers`",
        ],
    );
    check(
        "request.path.startsWith(1)",
        &[
            "`startsWith` cannot be called as `string.startsWith(int)`, at character 14; write it as `string.startsWith(string)`",
        ],
    );
    check(
        "startsWith(request.path, '/')",
        &[
            "`startsWith` cannot be called as `startsWith(string, string)`, at character 1; write it as `string.startsWith(string)`",
        ],
    );
    check(
        "now.getHours(1) == 1",
        &[
            "`getHours` cannot be called as `timestamp.getHours(int)`, at character 5; write it as `timestamp.getHours()` or `duration.getHours()`",
        ],
    );
    check("client.ip == 'localhost'", &["`localhost` is no IP address, so no client could have it, at character 14"]);
    check(
        "client.ip in ['10.0.0.0/8', 'a']",
        &[
            "`10.0.0.0/8` is no IP address, so no client could have it, at character 15; for a network write `client.ip.within(\"10.0.0.0/8\")`",
            "`a` is no IP address, so no client could have it, at character 29",
        ],
    );
}

#[test]
fn what_is_read_beforehand() {
    check("request.path.matches('(')", &["`(` is no regular expression: unclosed group, at character 22"]);
    check(
        "request.path.matches(request.host)",
        &[
            "a regular expression is compiled beforehand, and this is not known yet, at character 22; write it out, in quotes",
        ],
    );
    check(
        "client.ip.within('10.1.0.0/8')",
        &[
            "`10.1.0.0/8` is no network, because its address has bits behind the prefix, at character 18; did you mean `10.0.0.0/8` or `10.1.0.0`?",
        ],
    );
    check(
        "client.ip.within('x')",
        &["expected an IP network such as `10.0.0.0/8`, or an address, found the text `x`, at character 18"],
    );
    check(
        "client.ip.within(request.host)",
        &["a network is read beforehand, and this is not known yet, at character 18; write it out, in quotes"],
    );
    check(
        "now > timestamp('2026-02-30T00:00:00Z')",
        &[
            "expected a moment such as `2026-01-31T09:00:00Z`, found the text `2026-02-30T00:00:00Z`, at character 17; there is no such day: write year, month and day, as in `2026-01-31`",
        ],
    );
    check(
        "duration('1d') > duration('1h')",
        &["expected a duration such as `1h30m` or `1.5s`, found the text `1d`, at character 10; a day is `24h`"],
    );
    check(
        "now.getHours('Europe/Berlin') == 1",
        &[
            "`Europe/Berlin` is no offset from UTC, at character 14; give how far its clock is ahead of UTC, as in `+01:00`; zones by their names are not known here",
        ],
    );
}

#[test]
fn walks_are_refused() {
    check(
        "['a', 'b'].exists(x, request.path == x)",
        &[
            "`exists` walks through a list, and what an expression costs must be known beforehand, at character 12; write the cases out and join them with `||` or `&&`",
        ],
    );
}

#[test]
fn all_at_once() {
    check(
        "request.metod == 'GET' && request.path.foo() || client.ip.within('x') && 1",
        &[
            "unknown variable `request.metod`, at character 1; did you mean `request.method`?",
            "unknown function `foo`, at character 40; known here: `startsWith`, `endsWith`, `contains`, `matches`, `within`, `size`, `lowerAscii`, `upperAscii`, `getFullYear`, `getMonth`, `getDate`, `getDayOfMonth`, `getDayOfWeek`, `getDayOfYear`, `getHours`, `getMinutes`, `getSeconds`, `getMilliseconds`",
            "expected an IP network such as `10.0.0.0/8`, or an address, found the text `x`, at character 66",
            "`&&` joins bools, and this is an int, at character 74; compare it with something, as in `… > 0`",
        ],
    );
}

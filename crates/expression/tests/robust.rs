//! No text makes the parser or the check panic, or take long.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{CASE, ENVIRONMENT};
use proptest::prelude::*;

/// What expressions are made of, and what comes near it.
const PIECES: &[&str] = &[
    "request",
    ".",
    "method",
    "path",
    "headers",
    "client.ip",
    "now",
    "endpoint.weight",
    "endpoint.latency",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    "?",
    ":",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "<",
    ">",
    "=",
    "==",
    "!=",
    "<=",
    ">=",
    "&&",
    "||",
    "in",
    "has",
    "size",
    "matches",
    "startsWith",
    "within",
    "duration",
    "timestamp",
    "getHours",
    "int",
    "string",
    "true",
    "false",
    "null",
    "0",
    "1",
    "9223372036854775808",
    "0x",
    "1.",
    ".5",
    "1e",
    "1u",
    "'a'",
    "\"b\"",
    "'''c'''",
    "r'\\d'",
    "b'x'",
    "'",
    "\"",
    "\\",
    "\\x4",
    "//",
    "\n",
    " ",
    "ä",
    "😀",
    "exists",
    "consumer",
    "'1h'",
    "'10.0.0.0/8'",
    "'('",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        look_at(&text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        look_at(&pieces.concat());
        look_at(&pieces.join(" "));
    }
}

/// Problems are within the text, and what has none can be evaluated.
fn look_at(text: &str) {
    match ENVIRONMENT.condition(text) {
        Ok(condition) => _ = condition.value(&CASE),
        Err(problems) => {
            assert!(!problems.is_empty(), "{text:?}");
            let letters = text.chars().count();
            assert!(problems.iter().all(|problem| (1..=letters + 1).contains(&problem.at)), "{text:?}: {problems:#?}");
        }
    }
}

#[test]
fn the_worst_of_each_kind() {
    for piece in ["(", "!", "-", "[", "a.", "a?", "a[", "f(", "a+", "a&&", "'a'+", "a:", "\\", "1 in ["] {
        look_at(&piece.repeat(4096 / piece.len()));
        look_at(&piece.repeat(8192));
    }
    // As deep as trees get: every part within another.
    for (piece, end) in [(".a", "request"), ("['a']", "request.headers"), (".size()", "'a'"), (" + 1", "1")] {
        look_at(&format!("{end}{}", piece.repeat(4096 / piece.len() - 10)));
        look_at(&format!("{end}{} == 1", piece.repeat(100)));
    }
}

//! The deserializer, for types as policies have them.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
};

use model::{
    Report,
    values::{Duration, Ratio, SecretSource, Size},
};
use serde::{Deserialize, de::DeserializeOwned};

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let mut report = Report::default();
    let node = model::parse("t", text, &|_| None, &mut report);
    match node.and_then(|node| model::decode(&node, &mut report)) {
        Some(value) => Ok(value),
        None => {
            report.sort();
            Err(report
                .problems
                .iter()
                .map(|problem| problem.to_string().replace("t:1:", "").replace("error: ", ""))
                .collect())
        }
    }
}

#[track_caller]
fn check_bad<T: DeserializeOwned + std::fmt::Debug>(text: &str, expected: &[&str]) {
    match decode::<T>(text) {
        Ok(value) => panic!("{value:?}"),
        Err(problems) => assert_eq!(problems, expected, "{text}"),
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Limit {
    requests: NonZeroU32,
    per: Duration,
    #[serde(default)]
    key: Key,
    burst: Option<u32>,
    #[serde(default = "ten")]
    share: Ratio,
    tags: BTreeMap<String, bool>,
}

fn ten() -> Ratio {
    model::FromText::from_text("10%").unwrap_or_default()
}

#[derive(Debug, PartialEq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    #[default]
    ClientIp,
    Header(String),
    Both {
        header: String,
        weight: f64,
    },
    Pair(u8, u8),
}

#[test]
fn a_struct_with_all_that_it_may_have() {
    let limit: Limit = decode("{requests: 5, per: 1s, key: {header: x}, burst: 7, tags: {a: true}}").unwrap();
    assert_eq!(limit.requests.get(), 5);
    assert_eq!(limit.key, Key::Header("x".to_owned()));
    assert_eq!((limit.burst, limit.share.fraction()), (Some(7), 0.1));
}

#[test]
fn every_missing_key_is_named() {
    check_bad::<Limit>("{}", &["1: missing key `requests`", "1: missing key `per`", "1: missing key `tags`"]);
    check_bad::<Limit>(
        "{request: 1}",
        &["1: missing key `per`", "1: missing key `tags`", "2: unknown key `request`; did you mean `requests`?"],
    );
}

#[test]
fn every_wrong_value_is_named_in_one_run() {
    check_bad::<Limit>(
        "{requests: 0, per: 1, key: {heade: x}, burst: -1, share: 10, tags: {a: 1, b: no, c: true}, oops: {}}",
        &[
            "12: expected a nonzero u32, found the number 0",
            "20: expected a duration such as `250ms`, `5s` or `2m`, found the number 1",
            "29: unknown key `heade`; did you mean `header`?",
            "47: expected a whole number from 0 to 4294967295, found the number -1",
            "58: expected a ratio such as `20%`, found the number 10",
            "72: expected `true` or `false`, found the number 1",
            "78: expected `true` or `false`, found the text `no`; write `false`",
            "92: unknown key `oops`; known here: `requests`, `per`, `key`, `burst`, `share`, `tags`",
        ],
    );
}

#[test]
fn enums_are_words_or_maps_with_one_key() {
    assert_eq!(decode("client_ip"), Ok(Key::ClientIp));
    assert_eq!(decode("{client_ip: }"), Ok(Key::ClientIp));
    assert_eq!(decode("{pair: [1, 2]}"), Ok(Key::Pair(1, 2)));
    assert_eq!(decode("{both: {header: x, weight: 1}}"), Ok(Key::Both { header: "x".to_owned(), weight: 1.0 }));
    let known = "`client_ip`, `header`, `both`, `pair`";
    check_bad::<Key>("client", &[&format!("1: unknown value `client`; known here: {known}")]);
    check_bad::<Key>("clientip", &["1: unknown value `clientip`; did you mean `client_ip`?"]);
    check_bad::<Key>("{}", &[&format!("1: expected one of {known}, found an empty map")]);
    check_bad::<Key>("5", &[&format!("1: expected one of {known}, found the number 5; put it in quotes")]);
    check_bad::<Key>("{header: x, pair: y}", &[&format!("1: expected exactly one of {known}, found `header`, `pair`")]);
    check_bad::<Key>("header", &["1: `header` needs a value; write it as a map: `{ header: … }`"]);
    check_bad::<Key>("{client_ip: x}", &["1: `client_ip` takes no value; write just `client_ip`"]);
    check_bad::<Key>("{pair: [1, 2, 3]}", &["8: expected a list of 2 items, found a list"]);
    check_bad::<Key>("{pair: [1, x]}", &["12: expected a whole number from 0 to 255, found the text `x`"]);
    check_bad::<Key>(
        "{both: {wait: 1}}",
        &[
            "8: missing key `header`",
            "8: missing key `weight`",
            "9: unknown key `wait`; known here: `header`, `weight`",
        ],
    );
}

#[test]
fn lists_name_every_bad_item() {
    check_bad::<Vec<u8>>(
        "[1, x, 2, 300, []]",
        &[
            "5: expected a whole number from 0 to 255, found the text `x`",
            "11: expected a whole number from 0 to 255, found the number 300",
            "16: expected a whole number from 0 to 255, found an empty list",
        ],
    );
    let list = format!("[{}]", ["x"; 1000].join(", "));
    let problems = decode::<Vec<u8>>(&list).unwrap_err();
    assert_eq!(problems[0], "1: too many problems in this value; the rest is not listed");
    assert!(problems.len() < 100);
}

#[test]
fn maps_may_have_numbers_and_enums_as_keys() {
    #[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Side {
        Left,
        Right,
    }
    assert_eq!(decode("{404: a}"), Ok(HashMap::from([(404_u16, "a".to_owned())])));
    check_bad::<HashMap<u16, String>>("{404: a, x: b}", &["10: expected a whole number, found the key `x`"]);
    assert_eq!(decode("{left: 1}"), Ok(HashMap::from([(Side::Left, 1)])));
    check_bad::<HashMap<Side, u8>>(
        "{lft: 1, right: x}",
        &[
            "2: unknown key `lft`; did you mean `left`?",
            "17: expected a whole number from 0 to 255, found the text `x`",
        ],
    );
}

#[test]
fn untagged_and_internally_tagged_enums_point_at_the_whole() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
        Text(String),
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Tagged {
        File { path: String },
    }
    assert_eq!(decode("[5, x]"), Ok(vec![Either::Number(5), Either::Text("x".to_owned())]));
    check_bad::<Vec<Either>>("[5, []]", &["5: data did not match any variant of untagged enum Either"]);
    assert_eq!(decode("{type: file, path: x}"), Ok(Tagged::File { path: "x".to_owned() }));
    check_bad::<Tagged>("{type: fil, path: x}", &["8: unknown value `fil`; did you mean `file`?"]);
}

#[test]
fn single_values_of_the_house() {
    #[derive(Debug, Deserialize)]
    struct All {
        size: Size,
        secret: SecretSource,
    }
    let all: All = decode("{size: 64KiB, secret: {file: /run/secret}}").unwrap();
    assert_eq!((all.size.bytes(), all.secret), (65_536, SecretSource::File("/run/secret".into())));
    let all: All = decode("{size: 7, secret: hush}").unwrap();
    assert!(!format!("{all:?}").contains("hush"));
    let SecretSource::Text(secret) = all.secret else { panic!("{:?}", all.secret) };
    assert_eq!((all.size.bytes(), secret.expose()), (7, "hush"));
    check_bad::<All>(
        "{size: -7, secret: {fil: x}}",
        &[
            "8: expected a size such as `64KiB` or `10MiB`, or a number of bytes, found the number -7",
            "21: unknown key `fil`; did you mean `file`?",
        ],
    );
    check_bad::<All>(
        "{size: 1e3, secret: 5}",
        &[
            "8: expected a size such as `64KiB` or `10MiB`, or a number of bytes, found the number 1000",
            "21: expected a secret: a text, `{ file: path }` or `{ env: NAME }`, found the number 5",
        ],
    );
}

#[test]
fn a_key_without_a_value_is_not_what_anybody_meant() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Optional {
        a: Option<u8>,
        #[serde(default)]
        b: Vec<u8>,
        #[serde(default)]
        c: BTreeMap<String, u8>,
    }
    check_bad::<Optional>(
        "{a: , b: , c: }",
        &[
            "3: expected a value, found nothing; give the key a value, or leave it out",
            "8: expected a list, found nothing; write `[]` for an empty list",
            "13: expected a map, found nothing; write `{}` for an empty map, or leave the key out",
        ],
    );
}

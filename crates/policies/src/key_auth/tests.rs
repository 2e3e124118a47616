use model::values::SecretHash;

use super::*;
use crate::testing::{build_for, check, consumers, exchange, lines, problems, site};

/// Alice has two keys, of which `old` has expired; bob has one; the guest has none.
fn known() -> Arc<Consumers> {
    let key = |key: &str| format!("key: {{ hash: '{}' }}", SecretHash::of(key.as_bytes()));
    consumers(&format!(
        "[{{ name: alice, groups: [gold, beta], credentials: [{{ {} }}, {{ {}, not_after: 2000-01-01 }}] }},\
          {{ name: bob, credentials: [{{ {} }}] }}, {{ name: guest, groups: [free] }}]",
        key("right key"),
        key("old"),
        key("bob's"),
    ))
}

/// What becomes of a request with these fields to this target: who calls, and what is sent then; or the refusal.
#[track_caller]
fn run(settings: &str, target: &str, fields: &[(&str, &str)]) -> Result<(String, Vec<String>), String> {
    let policy = build_for::<KeyAuth>(settings, &known()).unwrap();
    let mut exchange = exchange("GET", fields);
    exchange.head.uri = target.parse().unwrap();
    through(&*policy, &mut exchange)?;
    let consumer = exchange.consumer.as_ref().map_or("nobody", |consumer| &*consumer.name).to_owned();
    let target = Some(exchange.head.uri.to_string()).filter(|target| target != "/");
    Ok((consumer, target.into_iter().chain(lines(&exchange.head.headers)).collect()))
}

/// `Err`: `status cause: detail; challenge`.
fn through(policy: &dyn Policy, exchange: &mut Exchange) -> Result<(), String> {
    match policy.on_request(exchange) {
        Step::Continue => Ok(()),
        Step::Fail(error) => {
            let challenge = error.challenge().map_or("", |challenge| challenge.to_str().unwrap());
            Err(format!("{} {error}; {challenge}", error.status().as_u16()))
        }
        _ => panic!("neither a reply nor a wait"),
    }
}

fn alice(sent: &[&str]) -> Result<(String, Vec<String>), String> {
    let told = ["x-consumer-groups: gold,beta", "x-consumer-name: alice"];
    Ok(("alice".to_owned(), sent.iter().chain(&told).map(|line| (*line).to_owned()).collect()))
}

#[test]
fn a_key_is_found_wherever_it_is_looked_for() {
    for (settings, target, field) in [
        ("{}", "/", ("x-api-key", "right key")),
        ("header: X-Partner", "/", ("x-partner", "right key")),
        ("bearer: true", "/", ("authorization", "Bearer right key")),
        ("bearer: true", "/", ("authorization", "bEARER   right key")),
        ("header: authorization", "/", ("authorization", "right key")),
        ("query: key", "/?key=right%20key", ("a", "b")),
        ("query: key", "/?k%65y=right+key", ("a", "b")),
        ("cookie: key", "/", ("cookie", "key=right key")),
        ("{ header: x-a, query: key, cookie: key, bearer: true }", "/", ("cookie", "a=b; key=right key")),
    ] {
        let left: &[&str] = match field {
            ("a", _) => &["a: b"],
            (_, "a=b; key=right key") => &["cookie: a=b"],
            _ => &[],
        };
        assert_eq!(run(settings, target, &[field]), alice(left), "{settings} {target} {field:?}");
    }
}

#[test]
fn the_key_goes_no_further_unless_it_shall() {
    let settings = "{ query: key, header: x-key, hide: false }";
    assert_eq!(run(settings, "/?a=1&key=right+key", &[]), alice(&["/?a=1&key=right+key"]));
    assert_eq!(run(settings, "/", &[("x-key", "right key")]).unwrap().1[2], "x-key: right key");
    assert_eq!(run("query: key", "/?a=1&key=right+key&b", &[]), alice(&["/?a=1&b"]));
    // Other credentials are none of its business.
    let basic = [("x-api-key", "right key"), ("authorization", "Basic YTpi"), ("cookie", "a=b")];
    let sent = run("{ header: x-api-key, bearer: true, cookie: key }", "/", &basic).unwrap().1;
    assert_eq!(sent[..2], ["authorization: Basic YTpi", "cookie: a=b"]);
}

/// Logs do not tell a field that is marked so.
#[test]
fn a_key_that_is_kept_is_known_to_be_secret() {
    let policy = build_for::<KeyAuth>("{ header: x-key, hide: false }", &known()).unwrap();
    let mut exchange = exchange("GET", &[("x-key", "right key")]);
    through(&*policy, &mut exchange).unwrap();
    assert!(exchange.head.headers["x-key"].is_sensitive());
}

/// Whatever the answer, the address as logs have it does not hold the key.
#[test]
fn what_was_asked_for_is_told_without_the_key() {
    for (hide, target) in [(true, "/?key=right+key"), (false, "/?key=right+key"), (true, "/?key=wrong&key=wrong")] {
        let policy = build_for::<KeyAuth>(&format!("{{ query: key, hide: {hide} }}"), &known()).unwrap();
        let mut exchange = exchange("GET", &[]);
        exchange.head.uri = target.parse().unwrap();
        _ = through(&*policy, &mut exchange);
        assert_eq!(exchange.asked_uri().to_string(), "/", "{target}");
    }
}

#[test]
fn whoever_shows_no_good_key_is_refused() {
    let missing = "401 unauthenticated: there is no key; send one ";
    let bad = "401 invalid_credentials: the key ";
    for (settings, target, fields, expected) in [
        ("{}", "/", &[][..], format!("{missing}in the field `x-api-key`; Key realm=\"sluice\"")),
        (
            "{ query: k, cookie: c, bearer: true, header: x-k }",
            "/?key=right+key",
            &[("authorization", "Basic YTpi"), ("x-api-key", "right key")],
            format!(
                "{missing}in the field `x-k`, or as `Authorization: Bearer KEY`, or in the parameter `k` of the query, or in \
                 the cookie `c`; Bearer realm=\"sluice\""
            ),
        ),
        ("{}", "/", &[("x-api-key", "wrong")], format!("{bad}is not known; Key realm=\"sluice\"")),
        ("{}", "/", &[("x-api-key", "")], format!("{bad}is not known; Key realm=\"sluice\"")),
        ("{}", "/", &[("x-api-key", "old")], format!("{bad}has expired; Key realm=\"sluice\"")),
        (
            "bearer: true",
            "/",
            &[("authorization", "Bearer wrong")],
            format!("{bad}is not known; Bearer realm=\"sluice\", error=\"invalid_token\""),
        ),
    ] {
        assert_eq!(run(settings, target, fields), Err(expected), "{settings} {fields:?}");
    }
    let long = "k".repeat(257);
    let refused = run("{}", "/", &[("x-api-key", &long)]).unwrap_err();
    assert!(refused.starts_with(&format!("{bad}is longer than any")), "{refused}");
}

#[test]
fn two_keys_are_one_too_many() {
    let several = Err("400 invalid_credentials: there are several keys; ".to_owned());
    let right = ("x-api-key", "right key");
    assert_eq!(run("{}", "/", &[right, right]), several);
    assert_eq!(run("query: k", "/?k=right+key&k=right+key", &[]), several);
    assert_eq!(run("cookie: k", "/", &[("cookie", "k=right key; k=x")]), several);
    let two = [right, ("authorization", "Bearer right key")];
    assert_eq!(run("{ header: x-api-key, bearer: true }", "/", &two), several);
    // Who looks at one of the places only sees one key.
    assert!(run("{}", "/", &two).is_ok());
}

#[test]
fn who_shows_nothing_may_be_somebody_or_nobody() {
    let guest = run("anonymous: guest", "/", &[]).unwrap();
    assert_eq!(
        guest,
        ("guest".to_owned(), vec!["x-consumer-groups: free".to_owned(), "x-consumer-name: guest".to_owned()])
    );
    assert_eq!(run("anonymous: guest", "/", &[("x-api-key", "right key")]), alice(&[]));
    assert!(run("anonymous: guest", "/", &[("x-api-key", "wrong")]).unwrap_err().starts_with("401 invalid"));
    assert_eq!(run("required: false", "/", &[]), Ok(("nobody".to_owned(), Vec::new())));
    assert!(run("required: false", "/", &[("x-api-key", "wrong")]).unwrap_err().starts_with("401 invalid"));
    let unknown = |name| build_for::<KeyAuth>(&format!("anonymous: {name}"), &known()).err().unwrap().to_string();
    assert_eq!(unknown("guests"), "`anonymous` names an unknown consumer `guests`; did you mean `guest`?");
    let hint = "add it to `consumers`; it needs no credentials";
    assert_eq!(unknown("x"), format!("`anonymous` names an unknown consumer `x`; {hint}"));
}

#[test]
fn two_of_them_agree_or_refuse() {
    let then = |settings: [&str; 2], fields: &[(&str, &str)]| {
        let known = known();
        let mut exchange = exchange("GET", fields);
        for settings in settings {
            through(&*build_for::<KeyAuth>(settings, &known).unwrap(), &mut exchange)?;
        }
        Ok::<_, String>((exchange.consumer.as_ref().map(|it| it.name.to_string()), lines(&exchange.head.headers)))
    };
    let (alice, bob) = (("x-api-key", "right key"), ("authorization", "Bearer bob's"));
    let name = |result: Result<(Option<String>, _), String>| result.map(|(name, _): (_, Vec<String>)| name);
    // The first takes the key away, and the second believes it.
    assert_eq!(name(then(["{}", "{}"], &[alice])), Ok(Some("alice".to_owned())));
    // Who is anonymous to the one must show something to the other.
    assert!(then(["anonymous: guest", "bearer: true"], &[]).is_err());
    let sent = then(["anonymous: guest", "bearer: true"], &[bob]).unwrap().1;
    assert_eq!(sent, ["x-consumer-name: bob"], "the guest's groups are gone");
    let both = then(["{}", "bearer: true"], &[alice, bob]);
    assert_eq!(both, Err("400 invalid_credentials: the request shows that it is of several callers; ".to_owned()));
}

#[test]
fn settings() {
    for (settings, expected) in [
        ("header: host", "1:9: error: `host` cannot be changed by a policy"),
        ("header: x_consumer_key", "1:1: error: clients cannot send `x_consumer_key`"),
        ("query: ''", "1:1: error: `query` is empty; name the parameter"),
        ("{ anonymous: guest, required: true }", "1:1: error: a key is required, and with `anonymous` it is not"),
        ("cookie: a b", "1:9: error: expected the name of a cookie"),
        ("bearers: true", "1:1: error: unknown key `bearers`; did you mean `bearer`?"),
    ] {
        let found = check::<KeyAuth>(settings);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{settings}: {found:?}");
    }
    // Whether the consumer is there cannot be told by a check.
    let node = crate::testing::parse("anonymous: nobody");
    let kind = policy::erase::<KeyAuth>();
    assert_eq!(problems(&*kind, &node), [""; 0]);
    assert!(kind.build(&node, &site(&node)).is_err());
}

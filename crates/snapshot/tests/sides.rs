//! Which side a request goes to, why, and what stands in a document's way.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use message::{Captures, Consumer, Random};
use model::{ListenerId, Report};
use policy::{BuildError, Manual, Policy, PolicyKind, Registry, Site, Stage};
use schemars::JsonSchema;
use serde::Deserialize;
use snapshot::{Asking, Reason, Sides, Snapshot};

/// What a document comes to: a snapshot, and what was said of it, one problem to a line.
fn compile(document: &str, kinds: &Registry, previous: Option<&Snapshot>) -> (Option<Snapshot>, Vec<String>) {
    let mut report = Report::default();
    let root = model::parse("test", document, &|_| None, &mut report);
    let model = root.and_then(|root| model::check(&root, &mut report));
    let snapshot = model.and_then(|model| snapshot::compile(&model, kinds, 1, previous, &mut report));
    report.sort();
    (snapshot, report.problems.iter().map(|problem| problem.to_string().replace("test:", "")).collect())
}

/// A document with this action of its one route `r`, which is the sixth line.
fn document(action: &str) -> String {
    format!(
        "version: 1\nlisteners: [{{ name: web, address: 127.0.0.1:0 }}]\nupstreams:\n\
         \x20 - {{ name: orders, endpoints: [a:1, {{ address: b:1, labels: {{ version: v2 }} }}] }}\n\
         routes:\n  - {{ name: r, {action} }}\nconsumers: [{{ name: alice }}, {{ name: carol }}]\n"
    )
}

fn compiled(action: &str) -> Snapshot {
    let (snapshot, problems) = compile(&document(action), &Registry::new(Vec::new()), None);
    snapshot.unwrap_or_else(|| panic!("{problems:#?}"))
}

fn sides(snapshot: &Snapshot) -> &Sides {
    snapshot.routes[0].sides().unwrap()
}

/// A request: its fields, and `?query` or `@address` or `!consumer` among them.
struct Request {
    headers: HeaderMap,
    query: Option<String>,
    client_ip: IpAddr,
    consumer: Option<Consumer>,
    path: String,
    captures: Captures,
}

fn request(words: &str) -> Request {
    let mut request = Request {
        headers: HeaderMap::new(),
        query: None,
        client_ip: IpAddr::from([192, 0, 2, 1]),
        consumer: None,
        path: "/".to_owned(),
        captures: Captures::default(),
    };
    for word in words.split_whitespace() {
        let rest = &word[1..];
        match word.as_bytes()[0] {
            b'?' => request.query = Some(rest.to_owned()),
            b'@' => request.client_ip = rest.parse().unwrap(),
            b'!' => {
                let (name, groups) = rest.split_once(':').unwrap_or((rest, ""));
                let groups = groups.split(',').map(Arc::from).collect();
                request.consumer = Some(Consumer { name: name.into(), groups, is_anonymous: false });
            }
            b'/' => {
                request.path = word.to_owned();
                request.captures = Captures::one(1, word.len());
            }
            _ => {
                let (name, value) = word.split_once('=').unwrap();
                request.headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
            }
        }
    }
    request
}

impl Request {
    fn asking(&self) -> Asking<'_> {
        let ask = route::Ask {
            listener: ListenerId(0),
            host: "",
            path: &self.path,
            query: self.query.as_deref(),
            method: &Method::GET,
            headers: &self.headers,
            client_ip: self.client_ip,
            scheme: "http",
            sni: None,
            now: &std::time::SystemTime::now,
        };
        Asking { ask, captures: &self.captures, consumer: self.consumer.as_ref() }
    }
}

/// The name of the side and the reason, or the cause of a refusal.
fn decided(sides: &Sides, words: &str) -> String {
    match sides.decide(&request(words).asking()) {
        Ok(Some(choice)) => format!("{} {:?}", sides.list()[choice.side].name, choice.reason),
        Ok(None) => "chance".to_owned(),
        Err(error) => error.cause().to_string(),
    }
}

const SPLIT: &str = "split: {
    sticky: [{ header: x-user }, { cookie: user }, { query: user }],
    force: { header: x-version },
    to: [
      { name: stable, upstream: orders, weight: 1 },
      { upstream: orders, labels: { version: v2 }, weight: 1,
        cohort: { headers: [{ name: x-beta, prefix: y }], cookies: [{ name: team, exact: a }] } },
      { name: dark, upstream: orders, weight: 0, cohort: { cookies: [{ name: dark, present: true }] } },
    ] }";

#[test]
fn the_first_that_a_request_has_decides() {
    let snapshot = compiled(SPLIT);
    let sides = sides(&snapshot);
    for (words, expected) in [
        ("", "chance"),
        ("x-version=v2", "v2 Forced"),
        ("x-version=dark", "dark Forced"),
        ("x-version=v3", "chance"),
        ("x-version=V2", "chance"),
        ("x-beta=yes", "chance"),
        ("x-beta=yes cookie=team=a", "v2 Cohort"),
        ("x-beta=no cookie=team=a", "chance"),
        ("x-beta=yes cookie=team=a;dark=1", "v2 Cohort"),
        ("cookie=dark=", "dark Cohort"),
        ("x-version=stable cookie=dark=", "stable Forced"),
    ] {
        assert_eq!(decided(sides, words), expected, "{words}");
    }
    let side = |words| decided(sides, words);
    let alice = side("x-user=alice");
    assert!(alice.ends_with(" Sticky"), "{alice}");
    for words in ["cookie=user=alice", "?user=alice", "?user=%61lice", "x-user=alice cookie=user=b ?user=c"] {
        assert_eq!(side(words), alice, "the same key is the same caller: {words}");
    }
    assert_eq!(side("x-user= cookie=user= ?user=alice"), alice, "an empty value is none");
    assert_eq!(side("x-user="), "chance");
}

#[test]
fn addresses_and_consumers_are_keys() {
    let snapshot =
        compiled("split: { sticky: client_ip, to: [{ name: a, upstream: orders }, { name: b, upstream: orders }] }");
    let mut counts = [0; 2];
    for last in 0..=255 {
        let found = decided(sides(&snapshot), &format!("@192.0.2.{last}"));
        assert_eq!(decided(sides(&snapshot), &format!("@::ffff:192.0.2.{last}")), found, "one client, two spellings");
        counts[usize::from(found == "b Sticky")] += 1;
    }
    assert!(counts.iter().all(|count| *count > 90), "{counts:?}");

    let (snapshot, problems) = compile(&identified(CONSUMERS), &Registry::new(vec![policy::erase::<Keys>()]), None);
    let snapshot = snapshot.unwrap_or_else(|| panic!("{problems:#?}"));
    let sides = sides(&snapshot);
    assert!(sides.awaits_consumer());
    for (words, expected) in [
        ("", "chance"),
        ("!alice", "canary Cohort"),
        ("!bob:beta", "canary Cohort"),
        ("!bob:gold,beta", "canary Cohort"),
        ("!carol", "dark Cohort"),
    ] {
        assert_eq!(decided(sides, words), expected, "{words}");
    }
    assert!(decided(sides, "!dave:gold").ends_with(" Sticky"));
}

#[test]
fn a_side_alone_needs_no_dice() {
    let snapshot = compiled(
        "split: { sticky: client_ip, to: [{ name: a, upstream: orders }, { name: b, upstream: orders, weight: 0 }] }",
    );
    assert_eq!(decided(sides(&snapshot), ""), "a Only");
    let snapshot = compiled(
        "split: { force: { query: v }, to: [{ name: a, upstream: orders, weight: 0 }, { name: b, upstream: orders, weight: 0 }] }",
    );
    assert_eq!(decided(sides(&snapshot), "?v=b"), "b Forced");
    assert_eq!(decided(sides(&snapshot), ""), "chance");
    let error = sides(&snapshot).draw(&mut Random::seeded(1)).unwrap_err();
    assert_eq!(error.cause(), message::Cause::NoEndpoint);
}

/// Two gateways, or one that was started again, agree about every caller; those without a key get their shares.
#[test]
fn a_caller_stays_and_shares_are_kept() {
    let action = |weights: [u32; 2]| {
        let [stable, canary] = weights;
        format!(
            "split: {{ sticky: {{ header: x-user }}, to: [{{ name: stable, upstream: orders, weight: {stable} }}, \
             {{ upstream: orders, labels: {{ version: v2 }}, name: canary, weight: {canary} }}] }}"
        )
    };
    let side = |snapshot: &Snapshot, user: u32, random: &mut Random| {
        let request = request(&if user == 0 { String::new() } else { format!("x-user={user}") });
        let choice = sides(snapshot).decide(&request.asking()).unwrap();
        choice.unwrap_or_else(|| sides(snapshot).draw(random).unwrap())
    };
    let (one, other, grown) = (compiled(&action([95, 5])), compiled(&action([95, 5])), compiled(&action([90, 10])));
    let (mut worker, mut counts, mut drawn, mut moved) = (Random::seeded(3), [0; 2], [0; 2], 0);
    for user in 1..=100_000 {
        let choice = side(&one, user, &mut worker.split());
        assert_eq!(choice.reason, Reason::Sticky);
        assert_eq!(side(&other, user, &mut worker.split()), choice);
        counts[choice.side] += 1;
        let after = side(&grown, user, &mut worker.split()).side;
        assert!(choice.side <= after, "{user} went back");
        moved += after - choice.side;
        let chance = side(&one, 0, &mut worker.split());
        assert_eq!(chance.reason, Reason::Chance);
        drawn[chance.side] += 1;
    }
    for (counts, how) in [(counts, "sticky"), (drawn, "by chance")] {
        assert!((f64::from(counts[1]) / 1e5 - 0.05).abs() < 0.01, "{how}: {counts:?}");
    }
    assert!((moved as f64 / 1e5 - 0.05).abs() < 0.01, "{moved} moved");
}

const VERSIONS: &str = "match: { path: '/{version...}' }, versions: {
    from: [{ header: x-api-version }, { query: v }, { media_type: version },
           { media_type: 'application/vnd.acme.{version}+json' }, { path: version }],
    known: [{ name: '1', upstream: orders }, { name: '2', upstream: orders, labels: { version: v2 } }]";

#[test]
fn versions_are_asked_for_in_order() {
    let (plain, default) = (compiled(&format!("{VERSIONS} }}")), compiled(&format!("{VERSIONS}, default: '2' }}")));
    for (words, expected) in [
        ("x-api-version=1", "1 Forced"),
        ("x-api-version=2 ?v=1", "2 Forced"),
        ("?v=2", "2 Forced"),
        ("?v=%32", "2 Forced"),
        ("accept=a/b;version=2", "2 Forced"),
        ("accept=a/b,c/d;version=\"1\"", "1 Forced"),
        ("accept=application/vnd.acme.2+json", "2 Forced"),
        ("/2", "2 Forced"),
        ("/3", "unknown_version"),
        ("x-api-version=3 ?v=1", "unknown_version"),
        ("x-api-version= ?v=1", "1 Forced"),
    ] {
        assert_eq!(decided(sides(&plain), words), expected, "{words}");
        assert_eq!(decided(sides(&default), words), expected, "{words}");
    }
    assert_eq!(decided(sides(&plain), ""), "version_required");
    assert_eq!(decided(sides(&default), ""), "2 Default");
}

#[test]
fn a_choice_can_be_told() {
    let snapshot = compiled(SPLIT);
    let tell = |snapshot: &Snapshot, words| sides(snapshot).tell(&request(words).asking());
    assert_eq!(tell(&snapshot, ""), "by chance: `stable` 50.000%, `v2` 50.000%");
    assert_eq!(tell(&snapshot, "x-version=dark"), "`dark`: the request names it by the header `x-version`");
    let told = tell(&snapshot, "cookie=user=alice");
    assert!(told.ends_with(": the caller's key falls to it, the cookie `user`"), "{told}");
    let snapshot = compiled(&format!("{VERSIONS} }}"));
    assert_eq!(tell(&snapshot, "?v=1"), "`1`: the request names it by the query parameter `v`");
    assert_eq!(
        tell(&snapshot, "?v=9"),
        "refused: the query parameter `v` names a version that is not known; there are `1`, `2`"
    );
    assert_eq!(
        tell(&snapshot, ""),
        "refused: name a version in the header `x-api-version`, or in the query parameter `v`, or in the parameter \
         `version` of a media type in `accept`, or in the media type `application/vnd.acme.{version}+json` in `accept`, \
         or in the `{version}` of the path; there are `1`, `2`"
    );
}

#[test]
fn counters_are_adopted_by_route_and_side() {
    let none = Registry::new(Vec::new());
    let first = compiled(SPLIT);
    let (second, _) = compile(&document(&SPLIT.replace("name: dark", "name: light")), &none, Some(&first));
    let second = second.unwrap();
    let same = |index: usize| Arc::ptr_eq(&sides(&first).list()[index].metrics, &sides(&second).list()[index].metrics);
    assert_eq!([same(0), same(1), same(2)], [true, true, false]);
    assert!(Arc::ptr_eq(&first.upstreams[0], &second.upstreams[0]), "the same subsets, the same upstream");
}

/// A kind of policy that finds out who calls.
struct Keys;

#[derive(Deserialize, JsonSchema)]
struct Empty {}

impl Policy for Keys {}

impl PolicyKind for Keys {
    const NAME: &'static str = "keys";
    const STAGE: Stage = Stage::Identify;
    const IDENTIFIES: bool = true;
    type Config = Empty;
    type Policy = Self;

    fn manual() -> Manual {
        Manual { summary: "", description: "", example: "" }
    }

    fn build(_: Empty, _: &Site<'_>) -> Result<Self, BuildError> {
        Ok(Self)
    }
}

/// One that does not.
struct Plain;

impl Policy for Plain {}

impl PolicyKind for Plain {
    const NAME: &'static str = "plain";
    const STAGE: Stage = Stage::Transform;
    type Config = Empty;
    type Policy = Self;

    fn manual() -> Manual {
        Manual { summary: "", description: "", example: "" }
    }

    fn build(_: Empty, _: &Site<'_>) -> Result<Self, BuildError> {
        Ok(Self)
    }
}

const CONSUMERS: &str = "split: {
    sticky: consumer,
    to: [ { name: stable, upstream: orders },
          { name: canary, upstream: orders, cohort: { consumers: [alice], groups: [beta] } },
          { name: dark, upstream: orders, weight: 0, cohort: { consumers: [carol] } } ] }";

fn identified(action: &str) -> String {
    document(&format!("policies: [{{ keys: {{}} }}], {action}"))
}

#[test]
fn who_asks_for_callers_must_find_out_who_calls() {
    let (kinds, without) =
        (Registry::new(vec![policy::erase::<Keys>(), policy::erase::<Plain>()]), Registry::new(vec![]));
    let asks = "7:13: error: this asks who calls, and no policy of the route `r` finds out; ";
    let message = |document: &str, kinds: &Registry| compile(document, kinds, None).1;
    assert_eq!(message(&document(CONSUMERS), &kinds), [format!("{asks}add one of `keys` to its policies")]);
    let hint = "no kind of policy of this version does; go by a `header` or a `cookie` instead";
    assert_eq!(message(&document(CONSUMERS), &without), [format!("{asks}{hint}")]);
    let cohort = CONSUMERS.replace("sticky: consumer,", "");
    assert_eq!(
        message(&document(&cohort), &without),
        [format!("{}{hint}", asks.replace("7:13", "9:55"))],
        "the place is that of the first cohort that asks"
    );

    // A policy of the route, of the gateway, of its listeners, or of its upstream will do; of one listener of two, not.
    let on_listener = |listeners: &str| {
        document(CONSUMERS)
            .replace("listeners: [{ name: web, address: 127.0.0.1:0 }]", &format!("listeners: [{listeners}]"))
    };
    let (with, plain) = (
        "{ name: web, address: 127.0.0.1:0, policies: [{ keys: {} }] }",
        "{ name: other, address: 127.0.0.2:0, policies: [{ plain: {} }] }",
    );
    let of_gateway = document(CONSUMERS).replace("version: 1\n", "version: 1\ngateway: { policies: [{ keys: {} }] }\n");
    let of_upstream = document(CONSUMERS).replace("name: orders, ", "name: orders, policies: [{ keys: {} }], ");
    let on_one = on_listener(&format!("{with}, {plain}")).replace("name: r,", "name: r, listeners: [web],");
    for good in [identified(CONSUMERS), of_gateway, of_upstream, on_listener(with), on_one] {
        assert_eq!(message(&good, &kinds), Vec::<String>::new(), "{good}");
    }
    assert_eq!(message(&on_listener(&format!("{with}, {plain}")), &kinds).len(), 1);
}

#[test]
fn a_balance_that_goes_by_callers_needs_them_found_out() {
    let kinds = Registry::new(vec![policy::erase::<Keys>(), policy::erase::<Plain>()]);
    let message = |document: &str, key: &str| {
        let balance = format!("name: orders, balance: {{ consistent_hash: {{ {key} }} }}, ");
        compile(&document.replace("name: orders, ", &balance), &kinds, None).1
    };
    let asks =
        "error: this asks who calls, and no policy of the route `r` finds out; add one of `keys` to its policies";
    for (key, place) in [("key: consumer", "4:56"), ("key: path, fallback: consumer", "4:72")] {
        for action in ["upstream: orders", "split: { to: [{ upstream: orders }, { name: b, upstream: orders }] }"] {
            assert_eq!(message(&document(action), key)[0], format!("{place}: {asks}"));
            assert!(!message(&identified(action), key).iter().any(|problem| problem.contains("error")), "{action}");
        }
    }
    assert!(message(&document("respond: {}"), "key: consumer").is_empty());
}

#[test]
fn policies_of_upstreams_cannot_wait_for_themselves() {
    let kinds = Registry::new(vec![policy::erase::<Keys>(), policy::erase::<Plain>()]);
    let action = CONSUMERS.replace("name: dark, upstream: orders", "name: dark, upstream: next");
    let document = identified(&action)
        .replace("routes:", "  - { name: next, endpoints: [c:1], policies: [{ plain: {} }] }\nroutes:");
    assert_eq!(
        compile(&document, &kinds, None).1,
        [
            "8:13: error: which side a request goes to is known when policies have found out who calls; those of the upstream `next` would have to run before; move them to the route"
        ]
    );
}

#[test]
fn each_side_has_the_policies_of_its_upstream() {
    let kinds = Registry::new(vec![policy::erase::<Keys>(), policy::erase::<Plain>()]);
    let document = document("split: { to: [{ upstream: orders }, { upstream: next }] }, policies: [{ keys: {} }]")
        .replace("routes:", "  - { name: next, endpoints: [c:1], policies: [{ plain: {} }] }\nroutes:");
    for listeners in
        ["[{ name: web, address: 127.0.0.1:0 }]", "[{ name: web, address: 127.0.0.1:0, policies: [{ plain: {} }] }]"]
    {
        let document = document.replace("[{ name: web, address: 127.0.0.1:0 }]", listeners);
        let (snapshot, problems) = compile(&document, &kinds, None);
        let snapshot = snapshot.unwrap_or_else(|| panic!("{problems:#?}"));
        let extra = listeners.matches("plain").count();
        let length = |side| snapshot.routes[0].chains.of(ListenerId(0), side).links().len() - extra;
        assert_eq!([length(None), length(Some(0)), length(Some(1))], [1, 1, 2]);
    }
}

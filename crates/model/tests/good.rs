//! Documents that are right, and what becomes of them.

use std::time::{Duration, UNIX_EPOCH};

use expression::Environment;
use http::Method;
use model::{
    Action, Among, Balance, CaptureType, Check, ConsistentHash, Custom, Discovery, Expected, Failover, FailureRatio,
    Field, HashAlgorithm, HashKey, Home, HostPattern, Location, Mirror, Model, NewPath, PassiveHealth, PathPattern,
    PeakEwma, Protocol, Redirect, Report, Segment, StickyCookie, StickyKey, Template, TemplatePart, UpstreamId,
    ValueMatch, VersionSource, values::SecretSource,
};

/// The model of a document that must be right, warnings aside.
#[track_caller]
fn model(text: &str) -> Model {
    let mut report = Report::default();
    let root = model::parse("test", text, &|_| None, &mut report);
    let model = root.and_then(|root| model::check(&root, &mut report));
    match model {
        Some(model) => model,
        None => panic!("{:#?}", report.problems),
    }
}

const FULL: &str = r#"
version: 1
gateway:
  workers: 2
  admin: { address: 127.0.0.1:9901, names: [gateway.internal] }
  trusted_proxies: [10.0.0.0/8, 192.0.2.7]
  access_log: { path: stdout }
  flight_recorder: { records: 500, headers: [X-A] }
  debug: { token: { env: DEBUG }, header: X-Debug }
  grace: 5s
  forwarded: { via: false, forwarded: true }
  policies:
    - request_id:
listeners:
  - name: web
    address: 0.0.0.0:8080
    proxy_protocol: true
    limits: { body_bytes: off, header_bytes: 32KiB, header_timeout: 250ms, http2: { concurrent_streams: 10 } }
  - name: secure
    address: "[::]:8443"
    tls:
      certificates: [ { cert: certs/a.pem, key: certs/a.key } ]
      client_auth: { mode: require, ca: certs/ca.pem }
      min_version: "1.3"
  - { name: local, address: "unix:/run/x.sock" }
upstreams:
  - name: users
    endpoints:
      - 127.0.0.1:9001
      - { address: 127.0.0.1:9002, weight: 3, labels: { version: v2, zone: a } }
      - users.internal:80
      - unix:/run/users.sock
    protocol: h2
    tls: { server_name: users.internal, ca: certs/ca.pem }
    balance: round_robin
    timeouts: { connect: 2s, total: 1m }
    pool: { max_idle: 7 }
    host: { set: "users.internal:80" }
  - { name: shadow, endpoints: [127.0.0.1:9003] }
  - { name: lab, endpoints: [{ address: 127.0.0.1:9004, labels: { version: next } }] }
routes:
  - name: user
    listeners: [secure, web, secure]
    match:
      hosts: [API.example.com, "*.example.org"]
      path: /users/{id:int}/posts/{rest...}
      methods: [GET, POST]
      headers: [ { name: X-Api-Version, exact: "2" }, { name: x-canary, present: true }, { name: user-agent, regex: "(?i)mobile" } ]
      query: [ { name: debug, any_of: ["1", "2"] } ]
      cookies: [ { name: beta, present: false } ]
      client_ip: [10.0.0.0/8]
      sni: [API.example.com, "*.example.org"]
      when: 'request.headers["x-plan"] == "gold"'
      time: { after: 2026-01-01T00:00:00Z, weekly: { days: [sat, sun], from: "22:00", to: "02:00", offset: "-05:30" } }
    priority: -3
    policies:
      - key_auth: {}
      - rate_limit: { requests: 100, per: 1s }
    upstream: users
    rewrite: { path: "/internal/{rest}?id={id}", host: users }
    mirror: [ shadow, { upstream: lab, labels: { version: next }, share: 2.5%, body: 0, in_flight: 7 } ]
  - name: old
    match: { path: { prefix: /old/ } }
    redirect: { to: "/new{rest}", status: 308 }
  - name: ping
    match: { path: { exact: /ping } }
    respond: { status: 200, headers: { content-type: text/plain, x-a: [b, c] }, body: pong }
  - name: all
    match: { path: "/v/{version:int}/{rest...}" }
    redirect: { to: "https://v{version}.example.org/" }
tests:
  - name: a user's posts
    request: { method: POST, url: "http://api.example.com/users/7/posts/", headers: { X-A: [b, c] }, client_ip: 10.0.0.1, listener: web }
    expect: { route: user, upstream: users, path: "/internal/?id=7" }
  - name: nothing here
    request: { url: /nothing }
    expect: { route: null, status: 404, cause: no_route, headers: { X-A: [b, c], x-b: d } }
"#;

#[test]
fn the_gateway_and_its_listeners() {
    let Model { gateway, listeners, .. } = model(FULL);
    assert_eq!(gateway.workers.map(usize::from), Some(2));
    assert_eq!(gateway.admin.map(|address| address.to_string()).as_deref(), Some("127.0.0.1:9901"));
    assert_eq!(*gateway.admin_names, ["gateway.internal".into()]);
    let trusted: Vec<String> = gateway.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(trusted, ["10.0.0.0/8", "192.0.2.7/32"]);
    assert_eq!(gateway.access_logs, [model::AccessLog::to("stdout", model::LogSink::Stdout)]);
    let recorder = gateway.flight_recorder.unwrap();
    assert_eq!((recorder.records, recorder.keep), (500, model::FlightRecorder::default().keep));
    assert_eq!(recorder.headers, ["x-a"]);
    let debug = gateway.debug.unwrap();
    assert_eq!((debug.header.as_str(), debug.token.to_string()), ("x-debug", "environment variable DEBUG".to_owned()));
    assert_eq!(gateway.grace, Duration::from_secs(5));
    assert_eq!(gateway.forwarded, model::Forwarded { via: false, x_forwarded: true, forwarded: true });
    assert_eq!(&*gateway.policies[0].kind, "request_id");
    assert_eq!(gateway.policies[0].settings.value, model::Value::Map(vec![]));

    let addresses: Vec<String> = listeners.iter().map(|listener| listener.address.to_string()).collect();
    assert_eq!(addresses, ["0.0.0.0:8080", "[::]:8443", "unix:/run/x.sock"]);
    let limits = &listeners[0].limits;
    assert!(listeners[0].proxy_protocol);
    assert_eq!((limits.body_bytes, limits.header_bytes), (None, 32 << 10));
    assert_eq!((limits.header_timeout, limits.http2.concurrent_streams), (Duration::from_millis(250), 10));
    assert_eq!(limits.uri_bytes, model::Limits::default().uri_bytes);
    let tls = listeners[1].tls.as_ref().unwrap();
    assert_eq!(tls.client_auth, model::ClientAuth::Require { ca: "certs/ca.pem".into() });
    assert!(!tls.allow_tls12);
    assert_eq!(tls.certificates[0].key.to_str(), Some("certs/a.key"));
}

#[test]
fn upstreams_and_their_endpoints() {
    let Model { upstreams, .. } = model(FULL);
    let users = &upstreams[0];
    let endpoints: Vec<String> = users.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
    assert_eq!(endpoints, ["127.0.0.1:9001", "127.0.0.1:9002", "users.internal:80", "unix:/run/users.sock"]);
    assert_eq!((users.endpoints[0].weight, users.endpoints[1].weight), (1, 3));
    let labels: Vec<(&str, &str)> = users.endpoints[1].labels.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(labels, [("version", "v2"), ("zone", "a")]);
    assert_eq!((users.protocol, &users.balance), (Protocol::H2, &Balance::RoundRobin));
    assert_eq!(users.timeouts.connect, Duration::from_secs(2));
    assert_eq!(users.timeouts.total, Some(Duration::from_secs(60)));
    assert_eq!(users.timeouts.first_byte, model::Timeouts::default().first_byte);
    assert_eq!(users.pool.max_idle, 7);
    assert_eq!(users.host, model::Host::Set("users.internal:80".parse().unwrap()));
}

#[test]
fn ways_to_balance() {
    let hash = |key, fallback, algorithm, bounded_load| {
        Balance::ConsistentHash(ConsistentHash { key, fallback, algorithm, bounded_load })
    };
    let sticky = |cookie: &str, ttl, secret| Balance::Sticky(StickyCookie { cookie: cookie.into(), ttl, secret });
    for (written, expected) in [
        ("", Balance::RoundRobin),
        (", balance: { round_robin: {} }", Balance::RoundRobin),
        (", balance: random", Balance::Random),
        (", balance: { least_requests: {} }", Balance::LeastRequests),
        (", balance: peak_ewma", Balance::PeakEwma(PeakEwma::default())),
        (
            ", balance: { peak_ewma: { decay: 1s } }",
            Balance::PeakEwma(PeakEwma { decay: Duration::from_secs(1), ..PeakEwma::default() }),
        ),
        (", balance: ip_hash", hash(HashKey::ClientIp, None, HashAlgorithm::Ring, None)),
        (
            ", balance: { consistent_hash: { key: { header: X-User }, fallback: { cookie: Id }, algorithm: maglev, bounded_load: 2 } }",
            hash(
                HashKey::Field(Field::Header("x-user".parse().unwrap())),
                Some(HashKey::Field(Field::Cookie("Id".into()))),
                HashAlgorithm::Maglev,
                Some(2.0),
            ),
        ),
        (
            ", balance: { consistent_hash: { key: { query: a b }, fallback: path } }",
            hash(HashKey::Field(Field::Query("a b".into())), Some(HashKey::Path), HashAlgorithm::Ring, None),
        ),
        (
            ", balance: { custom: { score: endpoint.in_flight * 2, among: all, decay: 1s } }",
            Balance::Custom(Custom {
                score: Environment::endpoint().number("endpoint.in_flight * 2").unwrap(),
                among: Among::All,
                timing: PeakEwma { decay: Duration::from_secs(1), ..PeakEwma::default() },
            }),
        ),
        (", balance: sticky", sticky("sluice-a", None, None)),
        (
            ", balance: { sticky: { cookie: s, ttl: 1h, secret: { env: S } } }",
            sticky("s", Some(Duration::from_secs(3600)), Some(SecretSource::Env("S".into()))),
        ),
    ] {
        let document = format!("version: 1\nupstreams: [{{ name: a, endpoints: [a:80]{written} }}]");
        let Model { upstreams, .. } = model(&document);
        assert_eq!(upstreams[0].balance, expected, "{written}");
    }
}

#[test]
fn zones_and_tiers() {
    for (zone, failover, expected) in [
        ("", "", Failover::default()),
        ("zone: a", "", Failover { zone: Some("a".into()), ..Failover::default() }),
        (
            "zone: a",
            "prefer_zone: false, headroom: 2, panic_threshold: 0%",
            Failover { zone: None, headroom: 2.0, panic_threshold: 0.0 },
        ),
    ] {
        let document = format!(
            "version: 1\ngateway: {{ {zone} }}\nupstreams:\n  - name: a\n    endpoints: [a:80, {{ address: b:80, tier: 3 }}]\n    failover: {{ {failover} }}"
        );
        let Model { upstreams, .. } = model(&document);
        assert_eq!(upstreams[0].failover, expected, "{zone} {failover}");
        assert_eq!(upstreams[0].endpoints.iter().map(|endpoint| endpoint.tier).collect::<Vec<_>>(), [0, 3]);
    }
}

#[test]
fn routes_and_what_they_refer_to() {
    let Model { routes, .. } = model(FULL);
    let user = &routes[0];
    assert_eq!(user.listeners, [model::ListenerId(0), model::ListenerId(1)]);
    let hosts = [HostPattern::Exact("api.example.com".into()), HostPattern::Suffix("example.org".into())];
    assert_eq!(user.matching.hosts, hosts);
    let path = user.matching.path.as_ref().unwrap();
    let PathPattern::Template(segments) = path else { panic!("{path:?}") };
    let expected = [
        Segment::Literal("users".into()),
        Segment::Typed("id".into(), CaptureType::Int),
        Segment::Literal("posts".into()),
        Segment::Rest("rest".into()),
    ];
    assert_eq!(segments[..], expected);
    assert_eq!(user.matching.headers[0].name, "x-api-version");
    assert_eq!(user.matching.sni, hosts);
    assert_eq!(
        user.matching.when.as_ref().map(expression::Condition::as_str),
        Some("request.headers[\"x-plan\"] == \"gold\"")
    );
    assert_eq!(
        user.matching.time.unwrap().to_string(),
        "after 2026-01-01T00:00:00Z, on sat, sun from 22:00 to 02:00 at -05:30"
    );
    assert!(matches!(&user.matching.query[0].value, ValueMatch::AnyOf(values) if values.len() == 2));
    assert!(matches!(user.matching.cookies[0].value, ValueMatch::Absent));
    assert_eq!(user.priority, -3);
    let to = model::Destination { upstream: UpstreamId(0), subset: None };
    assert!(matches!(user.action, Action::Upstream(found) if found == to));
    let kinds: Vec<&str> = user.policies.iter().map(|policy| &*policy.kind).collect();
    assert_eq!(kinds, ["key_auth", "rate_limit"]);
    assert_eq!(user.policies[1].place.to_string(), "test:58:9");
    let rewrite = user.rewrite.as_ref().unwrap();
    let parts = [
        TemplatePart::Literal("/internal/".into()),
        TemplatePart::Capture(1),
        TemplatePart::Literal("?id=".into()),
        TemplatePart::Capture(0),
    ];
    let Some(NewPath::Template(path)) = &rewrite.path else { panic!("{:?}", rewrite.path) };
    assert_eq!(path.0, parts);

    let shadow = model::Destination { upstream: UpstreamId(1), subset: None };
    let lab = model::Destination { upstream: UpstreamId(2), subset: Some(model::SubsetId(0)) };
    let lab = Mirror { share: 0.025, body: 0, in_flight: 7, ..Mirror::to(lab) };
    assert_eq!(user.mirrors, [Mirror::to(shadow), lab]);
    assert!(routes[1].mirrors.is_empty());

    assert!(matches!(&routes[1].matching.path, Some(PathPattern::Prefix(prefix)) if **prefix == *"/old"));
    let Action::Redirect(redirect) = &routes[1].action else { panic!("{:?}", routes[1].action) };
    assert_eq!(redirect.status, 308);
    assert_eq!(whole(redirect).0, [TemplatePart::Literal("/new".into()), TemplatePart::Capture(0)]);
    let Action::Respond(respond) = &routes[2].action else { panic!("{:?}", routes[2].action) };
    let fields = respond.headers.iter().map(|(name, value)| (name.as_str(), value.fixed().unwrap()));
    assert_eq!(fields.collect::<Vec<_>>(), [("content-type", "text/plain"), ("x-a", "b"), ("x-a", "c")]);
    assert_eq!(respond.body.fixed(), Some("pong"));
    let Action::Redirect(redirect) = &routes[3].action else { panic!("{:?}", routes[3].action) };
    assert_eq!(whole(redirect).0[1], TemplatePart::Capture(0));
    let Location::Whole { host: Some(host), .. } = &redirect.to else { panic!("{:?}", redirect.to) };
    assert_eq!(host.0[1..], [TemplatePart::Capture(0), TemplatePart::Literal(".example.org".into())]);
}

/// The action of the only route, to which `fields` are added.
fn action(fields: &str) -> Action {
    let model = model(&format!(
        "version: 1\nlisteners: [{{ name: web, address: 127.0.0.1:0 }}]\nupstreams:\n  \
         - {{ name: orders-eu, endpoints: [a:1], policies: [{{ cors: {{ a: 1 }} }}] }}\n  \
         - {{ name: orders-us, endpoints: [b:1], policies:   [{{ cors: {{ a: 1 }} }}] }}\n  \
         - {{ name: \"{{id}}\", endpoints: [c:1] }}\nroutes:\n  - {{ name: r, {fields} }}\n"
    ));
    model.routes[0].action.clone()
}

#[test]
fn upstreams_that_the_path_names() {
    let action = |upstream: &str| action(&format!("match: {{ path: \"/{{id}}\" }}, upstream: \"{upstream}\""));
    let to = |index| model::Destination { upstream: UpstreamId(index), subset: None };
    let Action::Named(named) = action("orders-{id}") else { panic!("not by name") };
    assert_eq!(named.name.0, [TemplatePart::Literal("orders-".into()), TemplatePart::Capture(0)]);
    assert_eq!(named.known, [to(0), to(1)]);
    // A name is a name, whatever it is made of.
    assert!(matches!(action("{id}"), Action::Upstream(found) if found == to(2)));
    assert!(matches!(action("orders-eu"), Action::Upstream(found) if found == to(0)));
}

#[test]
fn redirects_that_lead_elsewhere() {
    for fields in [
        "redirect: { scheme: https }",
        "match: { path: /a }, redirect: { to: /a/ }",
        "match: { path: { prefix: /a } }, redirect: { to: \"/b{rest}\" }",
        "match: { path: \"/a/{id}\" }, redirect: { to: \"/a/{id}/\" }",
        "match: { path: /a, methods: [POST] }, redirect: { to: /a, status: 303 }",
        "match: { path: /a, cookies: [{ name: a, present: false }] }, redirect: { to: /a }",
        "redirect: { port: 8080 }",
    ] {
        assert!(matches!(action(fields), Action::Redirect(_)), "{fields}");
    }
}

fn whole(redirect: &Redirect) -> &Template {
    match &redirect.to {
        Location::Whole { to, .. } => to,
        Location::Parts(parts) => panic!("{parts:?}"),
    }
}

/// The head of a document with routes that refer to subsets.
const SUBSETS: &str = "
version: 1
upstreams:
  - name: orders
    endpoints: [{ address: a:1, labels: { version: v1, zone: a } }, { address: b:1, labels: { version: v2 } }]
  - { name: users, endpoints: [c:1] }
routes:
";

#[test]
fn splits_and_their_subsets() {
    let Model { routes, upstreams, .. } = model(&format!(
        "{SUBSETS}
  - name: canary
    split:
      sticky: {{ cookie: uid }}
      salt: autumn
      force: {{ query: v }}
      reveal: {{ header: X-Served-By }}
      to:
        - {{ upstream: orders, labels: {{ version: v1 }}, weight: 95 }}
        - {{ upstream: orders, labels: {{ version: v2 }}, weight: 0, cohort: {{ groups: [beta] }} }}
        - {{ upstream: users }}
        - {{ name: zone, upstream: orders, labels: {{ zone: a, version: v1 }} }}
  - {{ name: short, split: {{ sticky: client_ip, to: [{{ upstream: users }}] }} }}
  - {{ name: list, split: {{ sticky: [consumer, {{ header: X-Id }}], to: [{{ upstream: users }}] }} }}
  - {{ name: plain, upstream: {{ name: orders, labels: {{ version: v2 }} }} }}
  - {{ name: all, upstream: {{ name: orders }} }}
"
    ));
    let Action::Split(split) = &routes[0].action else { panic!("{:?}", routes[0].action) };
    let found: Vec<_> = (split.sides.iter())
        .map(|side| (&*side.name, side.to.upstream.0, side.to.subset.map(|subset| subset.0), side.weight))
        .collect();
    assert_eq!(found, [("v1", 0, Some(0), 95), ("v2", 0, Some(1), 0), ("users", 1, None, 1), ("zone", 0, Some(2), 1)]);
    let selectors: Vec<_> = upstreams[0].subsets.iter().map(ToString::to_string).collect();
    assert_eq!(selectors, ["version=v1", "version=v2", "version=v1, zone=a"]);
    assert_eq!(split.sticky, [StickyKey::Field(Field::Cookie("uid".into()))]);
    assert_eq!((split.salt.as_deref(), split.force.as_ref()), (Some("autumn"), Some(&Field::Query("v".into()))));
    assert_eq!(split.reveal.as_ref().map(|name| name.as_str()), Some("x-served-by"));
    assert_eq!(split.asks_consumer.as_ref().map(ToString::to_string).as_deref(), Some("test:17:77"));

    let keys = |index: usize| match &routes[index].action {
        Action::Split(split) => (split.sticky.clone(), split.asks_consumer.as_ref().map(ToString::to_string)),
        action => panic!("{action:?}"),
    };
    assert_eq!(keys(1), (vec![StickyKey::ClientIp], None));
    let header = StickyKey::Field(Field::Header("x-id".parse().unwrap()));
    assert_eq!(keys(2), (vec![StickyKey::Consumer, header], Some("test:21:37".to_owned())));
    for (index, subset) in [(3, Some(1)), (4, None)] {
        let Action::Upstream(to) = routes[index].action else { panic!("{:?}", routes[index].action) };
        assert_eq!((to.upstream.0, to.subset.map(|subset| subset.0)), (0, subset));
    }
}

#[test]
fn versions_of_an_api() {
    let Model { routes, .. } = model(&format!(
        "{SUBSETS}
  - name: api
    match: {{ path: {{ regex: '^/v(?P<major>[0-9]+)/' }} }}
    versions:
      from: [{{ header: X-Version }}, {{ query: v }}, {{ media_type: Version }}, {{ media_type: 'a/b.{{version}}+c' }}, {{ path: major }}]
      default: '2'
      known:
        - {{ name: '1', upstream: orders, labels: {{ version: v1 }}, deprecated: 2026-06-01, sunset: '2026-12-31T00:00:00Z', link: https://a.example/v1 }}
        - {{ name: '2', upstream: users }}
"
    ));
    let Action::Versions(versions) = &routes[0].action else { panic!("{:?}", routes[0].action) };
    let from = [
        VersionSource::Field(Field::Header("x-version".parse().unwrap())),
        VersionSource::Field(Field::Query("v".into())),
        VersionSource::MediaTypeParameter("version".into()),
        VersionSource::MediaType { before: "a/b.".into(), after: "+c".into() },
        VersionSource::Path { name: "major".into(), index: 0 },
    ];
    assert_eq!(versions.from, from);
    assert_eq!(versions.default, Some(1));
    let [one, two] = &*versions.known else { panic!("{versions:?}") };
    let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!((one.deprecated, one.sunset), (at(1_780_272_000), at(1_798_675_200)));
    assert_eq!((one.link.as_deref(), one.to.subset), (Some("https://a.example/v1"), Some(model::SubsetId(0))));
    assert_eq!((two.to.upstream.0, two.deprecated, two.sunset), (1, None, None));
}

#[test]
fn tests_and_what_they_expect() {
    let Model { tests, .. } = model(FULL);
    let model::Test { name, request, expected, .. } = &tests[0];
    assert_eq!(
        (&**name, request.method.as_str(), &*request.url),
        ("a user's posts", "POST", "http://api.example.com/users/7/posts/")
    );
    assert_eq!(request.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!((request.client_ip, request.listener.as_deref()), (Some([10, 0, 0, 1].into()), Some("web")));
    let told = |expected: &[model::Expectation]| {
        expected.iter().map(|one| (one.place.column, one.expected.clone())).collect::<Vec<_>>()
    };
    let all = [
        (22, Expected::Route(Some("user".into()))),
        (38, Expected::Upstream("users".into())),
        (51, Expected::Path("/internal/?id=7".into())),
    ];
    assert_eq!(told(expected), all);
    let values = |name: &'static str, values: &[&str]| Expected::Header {
        name: http::HeaderName::from_static(name),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let all = [
        (48, Expected::Cause("no_route".into())),
        (22, Expected::Route(None)),
        (36, Expected::Status(http::StatusCode::NOT_FOUND)),
        (74, values("x-a", &["b", "c"])),
        (87, values("x-b", &["d"])),
    ];
    assert_eq!(told(&tests[1].expected), all);
    assert_eq!((&tests[1].request.method, tests[1].request.client_ip), (&Method::GET, None));
}

#[test]
fn the_same_document_as_json() {
    let json = "{\n\t\"version\": 1, \"$schema\": \"x\",\n\t\"listeners\": [ {\"name\":\"a\",\"address\":\"127.0.0.1:0\"},\
                {\"name\":\"b\",\"address\":\"127.0.0.1:0\"} ],\n\t\"routes\":[{\"name\":\"\\u00e9\\ud83d\\ude00\",\
                \"respond\":{\"body\":\"a\\/b\"}}]\n}\n";
    let Model { routes, listeners, .. } = model(json);
    assert_eq!(&*routes[0].name, "é😀");
    let Action::Respond(respond) = &routes[0].action else { panic!("{:?}", routes[0].action) };
    assert_eq!(respond.body.fixed(), Some("a/b"));
    assert_eq!(listeners.len(), 2);
}

#[test]
fn the_least_document() {
    let model = model("version: 1");
    assert!(model.listeners.is_empty() && model.routes.is_empty());
}

#[test]
fn what_is_logged_and_recorded_can_be_off_in_two_ways() {
    for off in ["off", "false", "\"off\""] {
        let model = model(&format!("version: 1\ngateway: {{ access_log: {off}, flight_recorder: {off} }}"));
        assert!(model.gateway.access_logs.is_empty() && model.gateway.flight_recorder.is_none());
    }
    let model = model("version: 1");
    assert_eq!(model.gateway.flight_recorder, Some(model::FlightRecorder::default()));
}

#[test]
fn aliases_stand_for_what_they_name() {
    let model = model(
        "version: 1
listeners:
  - { name: a, address: 127.0.0.1:1, limits: &limits { header_count: 7 }, policies: &all [cors: {}] }
  - { name: b, address: 127.0.0.1:2, limits: *limits, policies: *all }
",
    );
    assert_eq!(model.listeners[1].limits.header_count, 7);
    assert_eq!(&*model.listeners[1].policies[0].kind, "cors");
}

#[test]
fn health_as_the_contract_writes_it() {
    let Model { upstreams, .. } = model(
        "version: 1\nlisteners: [{ name: a, address: 127.0.0.1:1 }]\nupstreams:\n  - name: a\n    endpoints: [a:80]\n    health: { active: { http: { path: /healthz, expect: [200-299] }, interval: 2s, timeout: 1s, healthy_after: 2, unhealthy_after: 3 },\n              passive: { consecutive_failures: 5, ejection: 30s, max_ejected: 50% } }\n  - { name: b, endpoints: [a:80], health: { passive: { failure_ratio: 20%, ejection: 1h } } }\n",
    );
    let health = upstreams[0].health.as_ref().unwrap();
    let active = health.active.as_ref().unwrap();
    let Check::Http(http) = &active.check else { panic!("{active:?}") };
    assert_eq!((http.target.path(), &http.method, &*http.expect), ("/healthz", &Method::GET, &[200..=299][..]));
    assert_eq!((active.interval, active.jitter, active.port), (Duration::from_secs(2), 0.1, None));
    assert_eq!(health.passive, Some(PassiveHealth::default()));
    // Whoever names a ratio means the ratio alone.
    let passive = upstreams[1].health.as_ref().and_then(|health| health.passive.as_ref()).unwrap();
    let ratio = FailureRatio { ratio: 0.2, min_requests: 20, window: Duration::from_secs(10) };
    assert_eq!((passive.consecutive_failures, passive.failure_ratio), (None, Some(ratio)));
    assert_eq!(passive.max_ejection, passive.ejection, "longer than the usual bound, so it is the bound");
}

#[test]
fn access_logs_may_be_several() {
    let model = model(
        "version: 1
gateway:
  access_log:
    - { path: stdout, format: logfmt, fields: [method, path], request_headers: [x-tenant] }
    - { path: a.log, rotate: { size: 1MiB, age: 1d }, sample: 10%, status: [400-499, 503], redact: [Account] }
    - { path: b.log, name: file }
    - { syslog: { address: unix:/dev/log, facility: daemon } }
    - { http: { url: 'https://a/x', shape: loki, headers: { authorization: { env: TOKEN } }, batch: { queue: 64KiB } } }
    - { otlp: { endpoint: 'http://a:4318' } }
    - { otlp: { endpoint: 'https://a:4317', service_name: edge, queue: 64KiB, headers: { x-key: k } } }
",
    );
    let logs = model.gateway.access_logs;
    let names: Vec<_> = logs.iter().map(|log| &*log.name).collect();
    assert_eq!(names, ["stdout", "file-2", "file", "syslog", "http", "otlp", "otlp-2"]);
    let items = [
        model::LogItem::Field(model::values::LogField::Method),
        model::LogItem::Field(model::values::LogField::Path),
        model::LogItem::RequestHeader("x-tenant".parse().unwrap()),
    ];
    assert_eq!(logs[0].format, model::LogFormat::Logfmt(items.to_vec()));
    let model::LogSink::File { rotate: Some(rotate), .. } = &logs[1].sink else { panic!("{:?}", logs[1]) };
    assert_eq!((rotate.size, rotate.age, rotate.keep), (Some(1 << 20), Some(Duration::from_secs(86_400)), 7));
    assert_eq!((logs[1].sample, &*logs[1].redact[0]), (0.1, "account"));
    assert_eq!(logs[1].status, [400..=499, 503..=503]);
    let model::LogSink::Syslog(syslog) = &logs[3].sink else { panic!("{:?}", logs[3]) };
    assert_eq!((syslog.facility, &*syslog.app_name), (3, "sluice"));
    let model::LogSink::Http(http) = &logs[4].sink else { panic!("{:?}", logs[4]) };
    assert_eq!((http.url.to_string().as_str(), http.batch.queue, http.batch.bytes), ("https://a/x", 65_536, 65_536));
    for (log, protocol, service_name, queue) in [
        (&logs[5], model::OtlpProtocol::Http, "sluice", 4 << 20),
        (&logs[6], model::OtlpProtocol::Grpc, "edge", 64 << 10),
    ] {
        let model::LogSink::Otlp(otlp) = &log.sink else { panic!("{log:?}") };
        assert_eq!((otlp.collector.protocol, &*otlp.service_name, otlp.queue), (protocol, service_name, queue));
        assert!(matches!(log.format, model::LogFormat::Otlp(_)));
    }
}

#[test]
fn endpoints_are_found_in_registries() {
    let model = model(
        r"
version: 1
gateway:
  discovery:
    consul: { address: https://consul.internal:8501, token: { env: T }, tls: { ca: ca.pem }, datacenter: d, wait: 1m }
    etcd: { endpoints: ['http://a:2379', 'http://b:2379'], user: u, password: p }
    eureka: { servers: ['http://a:8761/eureka/'], interval: 5s }
    dns: { servers: [10.0.0.53, '127.0.0.1:8600'], stale: 5m }
    allow: [10.0.0.0/8]
    hold: 5s
    register: { in: [etcd, eureka], address: gateway.internal:80, labels: { zone: a } }
  registry: { address: 127.0.0.1:8600, max_ttl: 1m }
listeners: [{ name: web, address: 127.0.0.1:0 }]
upstreams:
  - { name: a, discovery: { consul: { service: orders, tags: [v2, prod, v2], datacenter: e } } }
  - { name: b, discovery: { consul: { service: orders, tag: prod } } }
  - { name: c, discovery: { etcd: { prefix: /services/orders, format: naming } } }
  - { name: d, discovery: { eureka: { app: orders, vip: o, secure: true } } }
  - { name: e, discovery: { dns: { name: Orders.internal, port: 80 } } }
  - { name: f, discovery: { dns: { srv: _http._tcp.orders.internal } } }
  - { name: g, discovery: { registry: orders } }
  - { name: h, discovery: { registry: { service: orders } } }
  - { name: i, discovery: { file: orders.json } }
",
    );
    let services: Vec<String> = model
        .upstreams
        .iter()
        .filter_map(|upstream| upstream.discovery.as_ref())
        .map(|Discovery { service, .. }| format!("{} {service}", service.registry()))
        .collect();
    let expected = [
        "consul orders#prod#v2@e",
        "consul orders#prod",
        "etcd /services/orders/ (naming)",
        "eureka ORDERS@o (secure)",
        "dns orders.internal:80",
        "dns _http._tcp.orders.internal",
        "registry orders",
        "registry orders",
        "file orders.json",
    ];
    assert_eq!(services, expected);
    let registries = &model.gateway.registries;
    assert_eq!(registries.consul.address.to_string(), "https://consul.internal:8501");
    assert_eq!(registries.consul.wait, Duration::from_secs(60));
    assert_eq!(registries.etcd.user.as_ref().map(|(user, _)| &**user), Some("u"));
    assert_eq!(registries.eureka.servers[0].to_string(), "http://a:8761/eureka");
    assert_eq!(
        registries.dns.servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.53:53", "127.0.0.1:8600"]
    );
    assert_eq!((registries.hold, registries.dns.stale), (Duration::from_secs(5), Duration::from_secs(300)));
    let register = registries.register.as_ref().unwrap();
    assert_eq!((register.consul, register.etcd, register.eureka, register.port), (false, true, true, 80));
    assert_eq!((&*register.service, &*register.host), ("sluice", "gateway.internal"));
}

#[test]
fn what_is_changed_at_run_time_has_a_home() {
    let home = |text: &str| {
        model(&format!("version: 1\ngateway: {{ {text} }}\nlisteners: [{{ name: web, address: 127.0.0.1:0 }}]"))
            .gateway
            .home
    };
    assert_eq!(
        (home("workers: 1"), home("home: state"), home("home: read_only")),
        (Home::State, Home::State, Home::ReadOnly)
    );
    let Home::Etcd(usual) = home("home: { etcd: {} }") else { panic!("it is etcd") };
    assert_eq!((&*usual.prefix, usual.etcd.endpoints[0].to_string().as_str()), ("/sluice/", "http://127.0.0.1:2379"));
    let written = "home: { etcd: { endpoints: ['https://a:2379', 'https://b:2379'], prefix: /prod, user: u, password: p, tls: {} } }";
    let Home::Etcd(written) = home(written) else { panic!("it is etcd") };
    assert_eq!((&*written.prefix, written.etcd.endpoints.len(), written.etcd.user.is_some()), ("/prod/", 2, true));
}

#[test]
fn registries_are_where_they_usually_are() {
    let registries = model("version: 1\nlisteners: [{ name: web, address: 127.0.0.1:0 }]").gateway.registries;
    assert_eq!(registries.consul.address.to_string(), "http://127.0.0.1:8500");
    assert_eq!(registries.etcd.endpoints[0].to_string(), "http://127.0.0.1:2379");
    assert_eq!(registries.eureka.servers[0].to_string(), "http://127.0.0.1:8761/eureka");
    assert_eq!((registries.registry.is_none(), registries.hold), (true, Duration::from_secs(30)));
}

#[test]
fn consumers_and_their_keys() {
    let (a, b) = ("ab".repeat(32), "CD".repeat(32));
    let model = model(&format!(
        "version: 1
consumers:
  - name: alice
    groups: [gold, beta]
    labels: {{ team: web }}
    credentials:
      - {{ key: {{ hash: 'blake3:{a}' }} }}
      - {{ key: {{ hash: 'blake3:{b}' }}, id: ci, created: 2026-01-31, not_after: '2026-02-01T00:00:01Z' }}
  - {{ name: guest }}
"
    ));
    let [alice, guest] = &*model.consumers else { panic!("{:?}", model.consumers) };
    assert_eq!((&*alice.name, &*guest.name, guest.credentials.len()), ("alice", "guest", 0));
    assert_eq!((alice.groups.join("+"), alice.labels.len()), ("gold+beta".to_owned(), 1));
    let [first, second] = &*alice.credentials else { panic!("{:?}", alice.credentials) };
    assert_eq!((first.hash.0, &*first.id, first.created, first.not_after), ([0xab; 32], "abababab", None, None));
    let second_of_february = UNIX_EPOCH + Duration::from_secs(1_769_904_001);
    assert_eq!((second.hash.0, &*second.id, second.not_after), ([0xcd; 32], "ci", Some(second_of_february)));
}

//! What happened to a request: records, the live stream, the commands that ask for them, and what responses tell.

use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use testkit::{
    body,
    client::{Answer, Client, request},
    eventually,
    gateway::{Process, command},
    origin::Origin,
};

use crate::{asking::Operator, failing::nobody};

const DEBUG_TOKEN: &str = "0123456789abcdef";

/// An upstream of which one endpoint refuses, with a retry; one that answers; and no upstream at all.
fn document(origin: &Origin, refusing: std::net::SocketAddr, more: &str) -> String {
    format!(
        r#"
gateway:
  workers: 2
  admin: {{ address: "127.0.0.1:0" }}
  debug: {{ token: "{DEBUG_TOKEN}" }}
{more}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: good, endpoints: ["{good}"] }}
  - {{ name: bad, endpoints: ["{refusing}"], retry: {{ attempts: 2, on: [connect_failure], backoff: {{ base: 1ms, max: 1ms }} }} }}
routes:
  - {{ name: good, match: {{ path: {{ prefix: /good }} }}, policies: [{{ request_id: {{}} }}], upstream: good }}
  - {{ name: bad, match: {{ path: {{ prefix: /bad }} }}, upstream: bad }}
  - {{ name: ping, match: {{ path: /ping }}, respond: {{ body: pong }} }}
"#,
        good = origin.address
    )
}

/// An origin that tells whether it saw the debug field.
async fn origin() -> Origin {
    Origin::start(|asked| async move {
        let seen = asked.headers().contains_key("x-sluice-debug");
        http::Response::new(body::full(format!("debug field: {seen}")))
    })
    .await
}

async fn get(gateway: &Process, target: &str, fields: &[(&'static str, &str)]) -> Answer {
    let mut asked = request(Method::GET, target);
    for (name, value) in fields {
        asked.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    Client::http1(gateway.address("web")).await.fetch(asked).await
}

/// The record is there once the exchange has ended, which is a moment after its last byte.
async fn record(gateway: &Process, id: &str) -> Value {
    eventually("the record", async || {
        let answer = Operator::of(gateway).get(&format!("/requests/{id}")).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await
}

#[tokio::test]
async fn a_request_can_say_what_happened_to_it() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    let fields = [("authorization", "Basic c2VjcmV0"), ("cookie", "a=secret"), ("user-agent", "me")];
    let answer = get(&gateway, "/good/a?x=1&access_token=secret", &fields).await;
    let told = record(&gateway, answer.field("x-request-id").unwrap()).await;

    assert_eq!((&told["route"], &told["status"], &told["cause"]), (&json!("good"), &json!(200), &Value::Null));
    assert_eq!((&told["path"], &told["query"]), (&json!("/good/a"), &json!("x=1&access_token=REDACTED")));
    assert_eq!(told["policies"], json!(["request_id"]));
    assert_eq!(told["headers"], json!({ "user-agent": "me" }));
    let attempt = &told["attempts"][0];
    assert_eq!((&attempt["upstream"], &attempt["connection"]), (&json!("good"), &json!("new")));
    assert_eq!(attempt["endpoint"], origin.address.to_string());
    assert_eq!(told["explanation"]["route"]["name"], "good");
    assert!(!told.to_string().contains("secret"), "{told:#}");

    // The phases follow one another, from the begin to the end.
    let phases = told["phases"].as_array().unwrap();
    let sum: f64 = phases.iter().map(|phase| phase["duration_ms"].as_f64().unwrap()).sum();
    assert!((sum - told["duration_ms"].as_f64().unwrap()).abs() < 0.02, "{told:#}");
    for name in ["policies", "connect", "answer", "body"] {
        assert!(phases.iter().any(|phase| phase["name"] == name), "{name}: {phases:#?}");
    }
}

#[tokio::test]
async fn a_failure_tells_its_attempts_and_why_there_were_no_more() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    let id = get(&gateway, "/bad", &[]).await.field("x-request-id").unwrap().to_owned();
    let told = record(&gateway, &id).await;
    assert_eq!((&told["status"], &told["cause"]), (&json!(502), &json!("connect_refused")));
    assert!(told["detail"].as_str().unwrap().contains(&refusing.to_string()), "{told:#}");
    assert_eq!((&told["attempts_made"], &told["side_of_cause"]), (&json!(2), &json!("upstream")));
    for attempt in told["attempts"].as_array().unwrap() {
        assert_eq!((&attempt["cause"], &attempt["connection"]), (&json!("connect_refused"), &Value::Null));
    }
    let kinds: Vec<_> = told["turns"].as_array().unwrap().iter().map(|turn| &turn["kind"]).collect();
    assert_eq!(kinds, ["retried", "not_retried"]);

    // The command tells the same to people, and to tools.
    let (admin, state) = (gateway.admin().to_string(), gateway.directory().join(".sluice"));
    let state = state.to_str().unwrap();
    let trace =
        async |more: &[&str]| command(&[&["trace", &id, "--admin", &admin, "--state", state], more].concat()).await;
    let run = trace(&[]).await;
    for text in ["502 connect_refused", "not sent again: as many attempts were made", "why this route:"] {
        assert!(run.success().contains(text), "{text}: {}", run.stdout);
    }
    let run = trace(&["--curl"]).await;
    assert!(run.success().starts_with("curl -v -X GET 'http://"), "{}", run.stdout);
    let run = trace(&["--har"]).await;
    let archive: Value = serde_json::from_str(run.success()).unwrap();
    assert_eq!(archive["log"]["entries"][0]["response"]["status"], 502);
    let run = command(&["trace", "nothing", "--admin", &admin, "--state", state]).await;
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("404: no request `nothing` is recorded"), "{}", run.stderr);
}

#[tokio::test]
async fn records_are_found_by_what_they_are() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    for target in ["/good/1", "/good/2", "/bad", "/ping", "/nothing"] {
        get(&gateway, target, &[]).await;
    }
    let paths = async |query: &str| {
        let answer = Operator::of(&gateway).get(&format!("/requests?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        let told = told["requests"].as_array().unwrap();
        told.iter().map(|record| record["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("all are recorded", async || (paths("").await.len() == 5).then_some(())).await;
    for (query, expected) in [
        ("", &["/nothing", "/ping", "/bad", "/good/2", "/good/1"][..]),
        ("limit=2", &["/nothing", "/ping"]),
        ("route=good", &["/good/2", "/good/1"]),
        ("upstream=bad", &["/bad"]),
        ("status=5xx", &["/bad"]),
        ("status=404", &["/nothing"]),
        ("cause=any", &["/nothing", "/bad"]),
        ("cause=no_route", &["/nothing"]),
        ("path=%2Fgood%2F1", &["/good/1"]),
        ("method=POST", &[]),
        ("min_duration=1h", &[]),
        ("where=record.status%20%3E%3D%20400%20%26%26%20record.route%20%3D%3D%20%27bad%27", &["/bad"]),
    ] {
        assert_eq!(paths(query).await, expected, "{query}");
    }
    for (query, detail) in [
        ("statsu=5xx", "there is no parameter `statsu`; there are `route`, "),
        ("status=6xx", "`status` is such as `503` or `5xx`, not `6xx`"),
        ("cause=none", "there is no cause `none`; docs/errors.md has them all"),
        ("limit=0", "`limit` is a number from 1 to 1000, not `0`"),
        ("min_duration=fast", "`min_duration`: expected a duration"),
        ("route=a&route=b", "the parameter `route` is given twice"),
        ("where=record.statsu%20%3D%3D%20500", "`where`: "),
    ] {
        let answer = Operator::of(&gateway).get(&format!("/requests?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let told = answer.json();
        assert!(told["detail"].as_str().unwrap().starts_with(detail), "{query}: {told}");
    }
}

#[tokio::test]
async fn records_stay_over_reloads_until_they_are_switched_off() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    let id = get(&gateway, "/good", &[]).await.field("x-request-id").unwrap().to_owned();
    record(&gateway, &id).await;
    gateway.reload_and_wait(&document(&origin, refusing, "  grace: 7s")).await;
    let told = record(&gateway, &id).await;
    assert_eq!((&told["route"], &told["explanation"]), (&json!("good"), &Value::Null));
    assert_eq!(told["unexplained"], "it was served with document 1, and 2 is live");

    gateway.reload_and_wait(&document(&origin, refusing, "  flight_recorder: off")).await;
    for path in [&format!("/requests/{id}"), "/requests", "/tap"] {
        let answer = Operator::of(&gateway).get(path).await;
        assert_eq!(answer.status, 409, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_tap_shows_requests_as_they_end() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    let (admin, state) = (gateway.admin().to_string(), gateway.directory().join(".sluice"));
    let state = state.to_str().unwrap();
    let tap = ["tap", "--admin", &admin, "--state", state, "--status", "5xx", "--count", "2", "--for", "1m", "--json"];
    // The tap may come late; whoever it is for goes on until it has seen enough.
    let asking = async {
        loop {
            get(&gateway, "/good?token=secret", &[]).await;
            get(&gateway, "/bad?token=secret", &[]).await;
        }
    };
    let run = tokio::select! {
        run = command(&tap) => run,
        () = asking => unreachable!("it goes on for ever"),
    };
    let lines: Vec<Value> = run.success().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().filter(|line| line.get("dropped").is_none()).collect();
    assert_eq!(told.len(), 2, "{}", run.stdout);
    for line in told {
        assert_eq!((&line["route"], &line["cause"]), (&json!("bad"), &json!("connect_refused")));
        assert!(!line.to_string().contains("secret"), "{line}");
    }
}

#[tokio::test]
async fn top_shows_what_the_gateway_does() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    get(&gateway, "/good", &[]).await;
    let (admin, state) = (gateway.admin().to_string(), gateway.directory().join(".sluice"));
    let top = ["top", "--once", "--admin", &admin, "--state", state.to_str().unwrap(), "--interval", "100ms"];
    let run = command(&top).await;
    for text in ["ROUTE", "UPSTREAM", "good"] {
        assert!(run.success().contains(text), "{text}: {}", run.stdout);
    }
    let run = command(&[&top[..], &["--json"]].concat()).await;
    let told: Value = serde_json::from_str(run.success()).unwrap();
    assert_eq!((&told["routes"][0]["name"], &told["routes"][0]["total"]), (&json!("good"), &json!(1.0)));
}

#[tokio::test]
async fn responses_tell_those_who_show_the_token() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    let told = |answer: &Answer| (answer.field("server-timing").is_some(), answer.field("sluice-trail").is_some());

    let answer = get(&gateway, "/good", &[("x-sluice-debug", DEBUG_TOKEN)]).await;
    assert_eq!((answer.text(), told(&answer)), ("debug field: false", (true, true)));
    let timing = answer.field("server-timing").unwrap();
    let names: Vec<_> = timing.split(", ").map(|part| part.split(';').next().unwrap()).collect();
    assert_eq!(names, ["gw", "policies", "upstream"], "{timing}");
    let trail = answer.field("sluice-trail").unwrap();
    let attempt = format!("attempts=(\"{}\";status=200)", origin.address);
    assert!(trail.contains("route=\"good\"") && trail.contains(&attempt), "{trail}");

    let answer = get(&gateway, "/bad", &[("x-sluice-debug", DEBUG_TOKEN)]).await;
    assert!(answer.field("sluice-trail").unwrap().ends_with("cause=connect_refused"), "{:?}", answer.headers);

    for fields in [
        &[][..],
        &[("x-sluice-debug", "0123456789abcdeX")],
        &[("x-sluice-debug", DEBUG_TOKEN), ("x-sluice-debug", DEBUG_TOKEN)],
    ] {
        let answer = get(&gateway, "/good", fields).await;
        assert_eq!((answer.text(), told(&answer)), ("debug field: false", (false, false)), "{fields:?}");
    }
}

/// A request is found by the id of its trace, as it stands in logs, answers and collectors.
#[tokio::test]
async fn a_trace_leads_to_its_request() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "  tracing: {}")).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    for path in ["/good/a", "/bad"] {
        get(&gateway, path, &[("traceparent", &parent)]).await;
        get(&gateway, "/ping", &[]).await;
    }
    let newest = eventually("the record", async || {
        let answer = Operator::of(&gateway).get(&format!("/requests/{trace}")).await;
        (answer.status == 200 && answer.json()["path"] == "/bad").then(|| answer.json())
    });
    assert_eq!(newest.await["trace_id"], trace);
    let answer = Operator::of(&gateway).get(&format!("/requests?trace_id={trace}")).await.json();
    let paths: Vec<_> = answer["requests"].as_array().unwrap().iter().map(|told| &told["path"]).collect();
    assert_eq!(paths, ["/bad", "/good/a"]);

    let (admin, state) = (gateway.admin().to_string(), gateway.directory().join(".sluice"));
    let run = command(&["trace", trace, "--admin", &admin, "--state", state.to_str().unwrap()]).await;
    for text in ["502 connect_refused", &format!("trace    {trace}")] {
        assert!(run.success().contains(text), "{text}: {}", run.stdout);
    }
}

/// Who is behind the requests: of those that are recorded.
#[tokio::test]
async fn the_busiest_callers_are_told() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "  trusted_proxies: [127.0.0.1]")).await;
    for (client, times, path) in [("192.0.2.1", 3, "/ping"), ("192.0.2.2", 5, "/ping"), ("192.0.2.1", 1, "/bad")] {
        for _ in 0..times {
            get(&gateway, path, &[("x-forwarded-for", client)]).await;
        }
    }
    let told = eventually("all of them", async || {
        let told = Operator::of(&gateway).get("/top?of=client&most=1").await.json();
        (told["requests"] == 9).then_some(told)
    })
    .await;
    let top = told["top"].as_array().unwrap();
    assert_eq!((top.len(), &top[0]["name"], &top[0]["requests"]), (1, &json!("192.0.2.2"), &json!(5)));
    assert_eq!((&top[0]["failed"], &told["seconds"]), (&json!(0), &json!(60.0)));
    let both = Operator::of(&gateway).get("/top?of=client").await.json();
    assert_eq!((&both["top"][1]["name"], &both["top"][1]["failed"]), (&json!("192.0.2.1"), &json!(1)));
    // Nobody in particular: no policy found out who calls.
    assert_eq!(Operator::of(&gateway).get("/top?of=consumer").await.json()["top"], json!([]));
    gateway.reload_and_wait(&document(&origin, refusing, "  flight_recorder: off")).await;
    assert_eq!(Operator::of(&gateway).get("/top?of=client").await.status, 409);
}

/// Whoever shows no admin token learns nothing.
#[tokio::test]
async fn records_are_for_operators() {
    let ((_reserved, refusing), origin) = (nobody(), origin().await);
    let gateway = Process::start(&document(&origin, refusing, "")).await;
    for path in ["/api/v1/requests", "/api/v1/requests/0-1", "/api/v1/tap"] {
        let mut asked = request(Method::GET, path);
        asked.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer guessed"));
        let answer = Client::http1(gateway.admin()).await.fetch(asked).await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

//! What no document reaches: the environment and the files of the gateway, and the gateway itself for longer than a few hops.

use std::fs;

use http::{Method, Response};
use message::Cause;
use serde_json::{Value, json};
use testkit::{
    body,
    client::{Client, Load},
    gateway::Process,
    origin::Origin,
};

use crate::{asking::Operator, refusal::Refusal};

/// What must not be seen: of the environment, and of a file.
const CANARY: &str = "canary-in-the";

const VARIABLE: &str = "SLUICE_CANARY";

const LISTENER: &str = "listeners: [{ name: web, address: \"127.0.0.1:0\" }]\n";

/// Who gives back the head that it was asked with.
async fn echo() -> Origin {
    Origin::start(|asked| async move {
        let head = format!("{} {:?}", asked.uri(), asked.headers());
        Response::new(body::full(head))
    })
    .await
}

/// What engines of templates and expressions elsewhere take for something to be worked out.
fn injections(file: &str) -> Vec<Value> {
    let texts = [
        format!("${{{VARIABLE}}}"),
        format!("${{{VARIABLE}:-x}}"),
        format!("${VARIABLE}"),
        format!("{{{VARIABLE}}}"),
        format!("{{env.{VARIABLE}}}"),
        format!("{{{{env.{VARIABLE}}}}}"),
        format!("{{{{ file(\"{file}\") }}}}"),
        format!("{{file:{file}}}"),
        format!("${{file:{file}}}"),
        format!("${{jndi:file:{file}}}"),
        format!("#{{systemEnvironment['{VARIABLE}']}}"),
        format!("#{{T(java.lang.System).getenv('{VARIABLE}')}}"),
        format!("%{{env:{VARIABLE}}}"),
        format!("$(cat {file})"),
        format!("`cat {file}`"),
        format!("<%= File.read('{file}') %>"),
        format!("os.getenv('{VARIABLE}')"),
        format!("io.open('{file}'):read('a')"),
        format!("file://{file}"),
    ];
    let maps = [json!({ "env": VARIABLE }), json!({ "file": file })];
    texts.into_iter().map(Value::from).chain(maps).collect()
}

/// Routes with a text where one can stand.
fn routes(text: &Value) -> Vec<Value> {
    let with = |key: &str, value: Value| json!({ "name": "r", "match": { "path": { "prefix": "/r" } }, key: value });
    let to_origin = |key: &str, value: Value| {
        let mut route = with("upstream", json!("origin"));
        route[key] = value;
        route
    };
    vec![
        with("respond", json!({ "body": text })),
        with("respond", json!({ "headers": { "x-a": text } })),
        with("redirect", json!({ "to": text, "status": 308 })),
        to_origin("rewrite", json!({ "path": text })),
        to_origin("rewrite", json!({ "query": { "set": { "a": text } } })),
        to_origin("rewrite", json!({ "host": text })),
        to_origin("policies", json!([{ "headers": { "request": { "set": { "x-a": text } } } }])),
        to_origin("policies", json!([{ "headers": { "response": { "set": { "x-a": text } } } }])),
        to_origin("labels", json!({ "a": text })),
        to_origin("match", json!({ "path": { "prefix": "/r" }, "when": text })),
    ]
}

/// Expressions that would tell more of the gateway than of the request.
fn expressions(file: &str) -> Vec<String> {
    vec![
        format!("env.{VARIABLE} != ''"),
        format!("env('{VARIABLE}') != ''"),
        format!("os.environ['{VARIABLE}'] != ''"),
        format!("getenv('{VARIABLE}').contains('canary')"),
        format!("file('{file}') != ''"),
        format!("read('{file}').size() > 0"),
        format!("open('{file}').read() != ''"),
        format!("request.path.env('{VARIABLE}') != ''"),
        "request.__class__ != ''".to_owned(),
        "request.headers.constructor('return process')() != ''".to_owned(),
        "T(java.lang.Runtime).getRuntime().exec('id') != ''".to_owned(),
        "import('os') != ''".to_owned(),
        "system('id') == 0".to_owned(),
        "eval('1') == 1".to_owned(),
    ]
}

/// FAULTS 44: what looks like code is a text, or is refused.
#[tokio::test]
async fn no_document_reads_the_environment_or_files() {
    let origin = echo().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canary");
    fs::write(&file, format!("{CANARY}-file")).unwrap();
    let file = file.to_str().unwrap();
    let document = format!("{LISTENER}upstreams: [{{ name: origin, endpoints: [\"{}\"] }}]\n", origin.address);
    let gateway = Process::with(&document).env(VARIABLE, format!("{CANARY}-environment")).start().await;
    let operator = Operator::of(&gateway);
    let mut client = Client::http1(gateway.address("web")).await;
    let (mut served, mut refused) = (0, 0);
    for route in injections(file).iter().flat_map(routes) {
        let put = operator.ask(Method::PUT, "/routes/r", &route).await;
        assert!(!put.text().contains(CANARY), "{route}: {}", put.text());
        if put.status.is_success() {
            let answer = client.get("/r/a").await;
            let told = format!("{:?} {}", answer.headers, answer.text());
            assert!(!told.contains(CANARY), "{route}: {told}");
            served += 1;
        } else {
            assert_eq!(put.status, 422, "{route}: {}", put.text());
            refused += 1;
        }
    }
    println!("{served} routes were served with the text as it is, {refused} refused");
    assert!(served > 50 && refused > 20, "{served} {refused}");
    for expression in expressions(file) {
        let route = json!({ "match": { "when": expression }, "respond": { "body": "yes" } });
        let put = operator.ask(Method::PUT, "/routes/r", &route).await;
        assert_eq!(
            (put.status.as_u16(), &put.json()["problems"][0]["path"]),
            (422, &"routes[r].match.when".into()),
            "{expression}"
        );
        let asked = operator.get(&format!("/requests?where={}", percent(&expression))).await;
        assert_eq!(asked.status, 400, "{expression}: {}", asked.text());
    }
    for told in [gateway.stdout(), gateway.stderr(), operator.get("/config").await.text().to_owned()] {
        assert!(!told.contains(CANARY), "{told}");
    }
}

/// Every octet encoded.
fn percent(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02x}")).collect()
}

/// FAULTS 45: a route that leads back to the gateway ends after eight hops, whichever protocol it takes, and others go on.
#[tokio::test]
async fn a_circle_ends_after_eight_hops() {
    let gateway =
        Process::start(&format!("{LISTENER}routes: [{{ name: steady, match: {{ path: /steady }}, respond: {{}} }}]\n"))
            .await;
    let (web, operator) = (gateway.address("web"), Operator::of(&gateway));
    let load = Load::start(1, "/steady", move || Client::http1(web));
    for (protocol, route) in [("http1", "over-1"), ("h2c", "over-2")] {
        let upstream =
            json!({ "endpoints": [web.to_string()], "protocol": protocol, "timeouts": { "connect": "10s" } });
        operator.done(Method::PUT, &format!("/upstreams/{route}"), upstream).await;
        let circle = json!({ "match": { "path": { "prefix": format!("/{route}") } }, "upstream": route });
        operator.done(Method::PUT, &format!("/routes/{route}"), circle).await;
        for mut client in [Client::http1(web).await, Client::h2c(web).await] {
            let requests = async || {
                let metrics = gateway.metrics().await;
                let of = |code| metrics.value("sluice_requests_total", &[("route", route), ("code_class", code)]);
                of("5xx").unwrap_or_default()
            };
            let before = requests().await;
            let answer = client.get(&format!("/{route}")).await;
            assert_eq!(answer.headers.get_all("via").iter().count(), 8, "{:?}", answer.headers);
            Refusal::from(answer).is_problem(Cause::LoopDetected, route);
            assert_eq!(requests().await - before, 8.0, "{route}");
        }
    }
    load.stop().await.unharmed();
}

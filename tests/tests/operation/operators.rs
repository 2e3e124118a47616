//! Who may do what at the admin address, and what is noted of it.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use testkit::{
    body,
    client::{Answer, Client, request},
    eventually,
    gateway::{Process, command},
};

/// Operators with their tokens, as `sluice operator new` makes them, one of each role.
struct Operators {
    tokens: BTreeMap<&'static str, String>,
    /// The lines of a document.
    list: String,
}

const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

const HEAD: &str = "version: 1\ngateway: { workers: 1, admin: { address: \"127.0.0.1:0\" } }\n\
                    listeners: [{ name: web, address: \"127.0.0.1:0\" }]\n";

// === impl Operators ===

impl Operators {
    /// Each is called by its role, with an `x` in front.
    async fn new(not_after: &str) -> Self {
        let (mut tokens, mut list) = (BTreeMap::new(), "operators:\n".to_owned());
        for role in ROLES {
            let name = format!("x{role}");
            let run = command(&["operator", "new", &name, "--role", role, "--not-after", not_after, "--json"]).await;
            let made: Value = serde_json::from_str(run.success()).unwrap();
            tokens.insert(role, made["token"].as_str().unwrap().to_owned());
            list.push_str(&format!("  - {}\n", made["operator"]));
        }
        Self { tokens, list }
    }

    fn document(&self) -> String {
        format!("{HEAD}{}", self.list)
    }
}

/// What the admin address answers to whoever shows this token, with further fields.
async fn send(
    client: &mut Client,
    method: &Method,
    target: &str,
    fields: &[(&'static str, &str)],
    content: &str,
) -> Answer {
    let mut asked = request(method.clone(), target);
    for (name, value) in fields {
        asked.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    if !content.is_empty() {
        *asked.body_mut() = body::full(content.to_owned());
    }
    client.fetch(asked).await
}

async fn ask(gateway: &Process, token: &str, method: Method, target: &str, content: &str) -> Answer {
    let mut client = Client::http1(gateway.admin()).await;
    send(&mut client, &method, target, &[("authorization", &format!("Bearer {token}"))], content).await
}

/// What was noted, the oldest first.
fn audit_file(gateway: &Process) -> Vec<Value> {
    let text = fs::read_to_string(gateway.directory().join(".sluice/audit.log")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

const LEVEL: &str = r#"{"level":"debug","target":"proxy","for":"1m"}"#;

#[tokio::test]
async fn roles_hold_and_are_taken_away_with_the_document() {
    let operators = Operators::new("9999-01-01").await;
    let gateway = Process::start(&operators.document()).await;
    let admin_token = gateway.token();
    for (role, read, write, of_operators) in
        [("viewer", 200, 403, 403), ("operator", 200, 200, 403), ("admin", 200, 200, 404), ("", 200, 200, 404)]
    {
        let token = operators.tokens.get(role).unwrap_or(&admin_token);
        let told = ask(&gateway, token, Method::GET, "/api/v1/log-level", "").await;
        assert_eq!(told.status, read, "{role}");
        let told = ask(&gateway, token, Method::PUT, "/api/v1/log-level", LEVEL).await;
        assert_eq!(told.status, write, "{role}: {}", told.text());
        let told = ask(&gateway, token, Method::DELETE, "/api/v1/operators/nobody", "").await;
        assert_eq!(told.status, of_operators, "{role}: {}", told.text());
        if of_operators == 403 {
            assert_eq!((&told.json()["needed"], &told.json()["role"]), (&json!("admin"), &json!(role)));
        }
    }
    let viewer = &operators.tokens["viewer"];
    gateway.reload_and_wait(HEAD).await;
    assert_eq!(ask(&gateway, viewer, Method::GET, "/api/v1/log-level", "").await.status, 401);
    assert_eq!(ask(&gateway, &admin_token, Method::GET, "/api/v1/log-level", "").await.status, 200);
    // What somebody else may do with a document that an operator changed is for who owns the document: the file.
    gateway.reload_and_wait(&operators.document().replace(r#""role":"viewer""#, r#""role":"operator""#)).await;
    assert_eq!(ask(&gateway, viewer, Method::PUT, "/api/v1/log-level", LEVEL).await.status, 200);
}

#[tokio::test]
async fn operators_are_told_when_their_tokens_were_used() {
    let operators = Operators::new("9999-01-01").await;
    let gateway = Process::start(&operators.document()).await;
    let used = async || {
        let told = ask(&gateway, &gateway.token(), Method::GET, "/api/v1/operators", "").await.json();
        let used = told["items"].as_array().unwrap().iter();
        used.map(|told| (told["name"].as_str().unwrap().to_owned(), told["last_used"].is_string())).collect::<Vec<_>>()
    };
    let expected =
        |used: [bool; 3]| ROLES.iter().zip(used).map(|(role, used)| (format!("x{role}"), used)).collect::<Vec<_>>();
    assert_eq!(used().await, expected([false; 3]));
    ask(&gateway, &operators.tokens["operator"], Method::GET, "/api/v1/log-level", "").await;
    assert_eq!(used().await, expected([false, true, false]));
    // What is live anew knows it still, and one of them alone is told in the same way.
    gateway
        .reload_and_wait(&format!("{}# again\nroutes: [{{ name: a, respond: {{}} }}]\n", operators.document()))
        .await;
    assert_eq!(used().await, expected([false, true, false]));
    let one = ask(&gateway, &operators.tokens["viewer"], Method::GET, "/api/v1/operators/xviewer", "").await.json();
    assert!(one["last_used"].is_string(), "{one}");
    let other = ask(&gateway, &operators.tokens["viewer"], Method::GET, "/api/v1/operators/xadmin", "").await.json();
    assert_eq!(other.get("last_used"), Some(&Value::Null));
}

#[tokio::test]
async fn tokens_expire() {
    let operators = Operators::new("2020-01-02").await;
    let gateway = Process::start(&operators.document()).await;
    for token in operators.tokens.values() {
        let told = ask(&gateway, token, Method::GET, "/api/v1/log-level", "").await;
        assert_eq!(told.status, 401);
        assert!(told.text().contains("is expired since 2020-01-02T00:00:00"), "{}", told.text());
    }
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.value("sluice_admin_denied_total", &[("reason", "expired")]), Some(3.0));
}

/// Spellings of a path below which only admins write, and of others that must not become one.
fn spelling(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        // xorshift64 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let mut path = String::from("/api/v1");
    let lists =
        ["operators", "tokens", "operators/xoperator", "routes/../operators/a", "config", "transactions", "operators/"];
    let before = ["/", "//", "/./", "/routes%2f..%2f", "/%2e%2e/v1/", "/x/../", "/%2f", "/;/", "/"];
    path.push_str(before[next(before.len() as u64) as usize]);
    for byte in lists[next(lists.len() as u64) as usize].bytes() {
        match next(6) {
            0 => path.push_str(&format!("%{byte:02x}")),
            1 => path.push_str(&format!("%{byte:02X}")),
            2 => path.push(char::from(byte).to_ascii_uppercase()),
            3 if next(20) == 0 => path.push_str(&format!("%25{byte:02x}")),
            4 if next(20) == 0 => path.push_str(["%00", "%c0%ae", "%0d%0a", "%ff", "%", "\\", "%5c"][next(7) as usize]),
            _ => path.push(char::from(byte)),
        }
    }
    path.push_str(["", "", "", "/", "?dry_run", "%20", "/%41dmin", "/xoperator%00"][next(8) as usize]);
    path
}

/// FAULTS 43: whoever may not change operators finds no spelling with which they may.
#[tokio::test]
async fn a_thousand_spellings_make_nobody_an_admin() {
    let operators = Operators::new("9999-01-01").await;
    let gateway = Process::start(&operators.document()).await;
    let bodies = [
        r#"{"name":"xoperator","role":"admin"}"#,
        r#"{"role":"operator","role":"admin"}"#,
        r#"{"operators":[],"operators":[{"name":"xoperator","role":"admin"}]}"#,
        r#"{"edits":[{"do":"patch","list":"operators","name":"xoperator","patch":{"role":"admin"}}]}"#,
        r#"{"edits":[{"do":"patch","list":"routes","list":"operators","name":"xoperator","patch":{"role":"admin"}}]}"#,
    ];
    let methods = ["POST", "PUT", "PATCH", "DELETE", "MOVE", "post"];
    let mut client = Client::http1(gateway.admin()).await;
    // What the client library would not send is no attempt.
    let targets = (0..).map(spelling).filter(|target| target.parse::<http::Uri>().is_ok()).take(1_000);
    for (number, target) in targets.enumerate() {
        // A connection lasts a minute at most.
        if number % 100 == 0 {
            client = Client::http1(gateway.admin()).await;
        }
        let role = ROLES[number % 2];
        let method = Method::from_bytes(methods[number % methods.len()].as_bytes()).unwrap();
        let fields = [("authorization", &*format!("Bearer {}", operators.tokens[role]))];
        let told = send(&mut client, &method, &target, &fields, bodies[number % bodies.len()]).await;
        assert!(told.status.is_client_error(), "{role} {method} {target}: {} {}", told.status, told.text());
    }
    // A name may be spelt so, an address may not.
    for role in &ROLES[..2] {
        let fields = [("authorization", &*format!("Bearer {}", operators.tokens[role]))];
        let target = "/api/v1/operators/%78operator";
        let told = send(&mut Client::http1(gateway.admin()).await, &Method::PATCH, target, &fields, bodies[0]).await;
        assert_eq!((told.status.as_u16(), &told.json()["needed"]), (403, &"admin".into()), "{role}");
    }
    // They are what they were.
    let admin = ask(&gateway, &gateway.token(), Method::GET, "/api/v1/audit?limit=1000", "").await.json();
    let denied = admin["items"].as_array().unwrap();
    assert!(denied.iter().all(|entry| entry["revision"].is_null() && entry["status"].as_u64() >= Some(400)));
    for role in ["viewer", "operator"] {
        let told = ask(&gateway, &operators.tokens[role], Method::DELETE, "/api/v1/operators/xadmin", "").await;
        assert_eq!((told.status, &told.json()["role"]), (StatusCode::FORBIDDEN, &json!(role)));
    }
}

/// FAULTS 42: no page makes a browser change anything, whatever token it might have come by.
#[tokio::test]
async fn pages_of_others_are_refused_and_there_is_no_secret_that_everybody_knows() {
    let (gateway, other) = (Process::start(HEAD).await, Process::start(HEAD).await);
    assert_ne!(gateway.token(), other.token());
    assert_eq!(mode(&gateway.directory().join(".sluice/admin-token")), 0o600);
    let mut client = Client::http1(gateway.admin()).await;
    for fields in [
        &[("host", "evil.example")][..],
        &[("host", "localhost"), ("origin", "http://evil.example")],
        &[("host", "localhost"), ("origin", "null"), ("content-type", "text/plain")],
        &[("host", "localhost"), ("content-type", "text/plain")],
        &[("host", "localhost"), ("content-type", "multipart/form-data; boundary=a")],
        &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
    ] {
        for token in [gateway.token(), "admin".to_owned()] {
            for target in ["/api/v1/log-level", "/api/v1/breakers", "/livez", "/metrics"] {
                let credentials = format!("Bearer {token}");
                let fields: Vec<_> = fields.iter().copied().chain([("authorization", &*credentials)]).collect();
                let told = send(&mut client, &Method::POST, target, &fields, LEVEL).await;
                assert_eq!(told.status, 403, "{target} {fields:?}: {}", told.text());
            }
        }
    }
    for token in ["", "admin", "sluice", "changeme", "default", "token", "slo_", &other.token()] {
        let told = ask(&gateway, token, Method::GET, "/api/v1/log-level", "").await;
        assert_eq!(told.status, 401, "{token}");
    }
    let metrics = gateway.metrics().await;
    let denied = |reason| metrics.value("sluice_admin_denied_total", &[("reason", reason)]).unwrap();
    assert_eq!((denied("host"), denied("origin"), denied("media_type")), (8.0, 24.0, 16.0));
    assert_eq!(metrics.value("sluice_audit_entries_lost_total", &[]), Some(0.0));
}

/// A name that operators have for the address is one to ask for as soon as the document lists it, and others are not.
#[tokio::test]
async fn the_admin_address_goes_by_the_names_that_it_is_given() {
    let gateway = Process::start(HEAD).await;
    let status = async |host: &str| {
        let mut client = Client::http1(gateway.admin()).await;
        send(&mut client, &Method::GET, "/livez", &[("host", host)], "").await.status.as_u16()
    };
    assert_eq!((status("gateway.internal").await, status("localhost").await), (403, 200));
    gateway.reload_and_wait(&HEAD.replace(":0\" } }", ":0\", names: [Gateway.internal] } }")).await;
    let hosts =
        ["gateway.internal", "GATEWAY.internal:9901", "localhost", "evil.example", "gateway.internal.evil.example"];
    let mut told = Vec::new();
    for host in hosts {
        told.push(status(host).await);
    }
    assert_eq!(told, [200, 200, 200, 403, 403]);
}

#[tokio::test]
async fn guesses_are_slowed_down() {
    let gateway = Process::start(HEAD).await;
    let guess = async || ask(&gateway, "slo_guessed", Method::GET, "/api/v1/log-level", "").await;
    for _ in 0..10 {
        assert_eq!(guess().await.status, 401);
    }
    let told = guess().await;
    assert_eq!(told.status, 429);
    let seconds: u64 = told.field(header::RETRY_AFTER.as_str()).unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    assert_eq!(ask(&gateway, &gateway.token(), Method::GET, "/api/v1/log-level", "").await.status, 200);
}

#[tokio::test]
async fn what_was_done_and_tried_stands_in_the_audit_log() {
    let operators = Operators::new("9999-01-01").await;
    let gateway = Process::start(&operators.document()).await;
    let [viewer, operator] = ["viewer", "operator"].map(|role| operators.tokens[role].clone());
    ask(&gateway, "slo_guessed", Method::GET, "/api/v1/log-level", "").await;
    ask(&gateway, &viewer, Method::PUT, "/api/v1/log-level", LEVEL).await;
    ask(&gateway, &viewer, Method::GET, "/api/v1/log-level", "").await;
    let done = ask(&gateway, &operator, Method::PUT, "/api/v1/log-level", LEVEL).await;
    let told = ask(&gateway, &viewer, Method::GET, "/api/v1/audit", "").await.json();
    let entries = audit_file(&gateway);
    let of_api: Vec<_> = told["items"].as_array().unwrap().iter().rev().cloned().collect();
    assert_eq!(entries, of_api, "the file has what the API tells");
    let told: Vec<_> = entries
        .iter()
        .map(|entry| ["id", "who", "role", "method", "path", "query", "status", "denied"].map(|key| entry[key].clone()))
        .collect();
    let path = "/api/v1/log-level";
    let expected = json!([
        [1, null, null, "GET", path, null, 401, "wrong_token"],
        [2, "xviewer", "viewer", "PUT", path, null, 403, "role"],
        [3, "xoperator", "operator", "PUT", path, null, 200, null],
    ]);
    assert_eq!(json!(told), expected);
    assert_eq!(entries[2]["asked"], serde_json::from_str::<Value>(LEVEL).unwrap());
    assert_eq!(entries[2]["request_id"], done.field("x-request-id").unwrap());
    assert!(entries.iter().all(|entry| entry["from"].as_str().unwrap().starts_with("127.0.0.1:")));
    let file = gateway.directory().join(".sluice/audit.log");
    assert_eq!(mode(&file), 0o600);
    assert!(!fs::read_to_string(&file).unwrap().contains("slo_"), "no token stands in it");
}

#[tokio::test]
async fn a_unix_socket_is_its_users_only() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let head = HEAD.replace("127.0.0.1:0\" } }", &format!("unix:{}\" }} }}", socket.display()));
    let gateway = Process::start(&format!(
        "{head}routes: [{{ name: ping, match: {{ path: /ping }}, respond: {{ body: pong }} }}]\n"
    ))
    .await;
    assert_eq!(mode(&socket), 0o600);
    let (state, admin) = (gateway.directory().join(".sluice"), format!("unix:{}", socket.display()));
    let arguments = ["top", "--once", "--admin", &admin, "--state", state.to_str().unwrap()];
    command(&arguments).await.success();

    let stream = tokio::net::UnixStream::connect(&socket).await.unwrap();
    let mut client = Client::over(stream, "http", "whatever", false).await;
    let credentials = format!("Bearer {}", gateway.token());
    let told = send(&mut client, &Method::PUT, "/api/v1/log-level", &[("authorization", &credentials)], LEVEL).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = send(&mut client, &Method::PUT, "/api/v1/log-level", &[], LEVEL).await;
    assert_eq!(told.status, 401, "who may connect is not yet an operator");
    let entries =
        eventually("the entry", async || Some(audit_file(&gateway)).filter(|entries| !entries.is_empty())).await;
    let uid = fs::metadata(&socket).map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata)).unwrap();
    assert_eq!(entries[0]["from"], format!("unix:uid={uid}"));
}

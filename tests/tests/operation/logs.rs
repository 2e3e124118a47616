//! Access logs where they go, and what the program says of itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testkit::{
    body,
    client::{self, Client, Load, request},
    collector::{Collector, Reply},
    eventually,
    gateway::{Process, Signal},
    origin::Origin,
    syslog::SyslogServer,
};

use crate::{asking::Operator, failing::nobody};

/// A server of batches: answers as the script says, then with 200, and keeps the batches that it takes, by path.
struct Batches {
    origin: Origin,
    taken: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

// === impl Batches ===

impl Batches {
    async fn start(script: &'static [u16]) -> Self {
        let taken = Arc::<Mutex<BTreeMap<String, Vec<String>>>>::default();
        let (keep, asked) = (taken.clone(), Arc::new(AtomicUsize::new(0)));
        let origin = Origin::start(move |request| {
            let (keep, number) = (keep.clone(), asked.fetch_add(1, Ordering::SeqCst));
            async move {
                let path = request.uri().path().to_owned();
                let bytes = request.into_body().collect().await.unwrap().to_bytes();
                let Some(status) = script.get(number) else {
                    let batch = String::from_utf8(bytes.to_vec()).unwrap();
                    keep.lock().unwrap().entry(path).or_default().push(batch);
                    return Response::new(body::full("{}"));
                };
                Response::builder().status(*status).header("retry-after", "0").body(body::full("not now")).unwrap()
            }
        })
        .await;
        Self { origin, taken }
    }

    fn at(&self, path: &str) -> Vec<String> {
        self.taken.lock().unwrap().get(path).cloned().unwrap_or_default()
    }

    /// The lines of JSON that were taken at this path.
    fn lines(&self, path: &str) -> Vec<Value> {
        let batches = self.at(path).concat();
        batches.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn address(&self) -> SocketAddr {
        self.origin.address
    }
}

/// A gateway with these logs, which answers everything but `/bad`.
fn document(logs: &str) -> String {
    format!(
        r#"
gateway:
  workers: 2
  admin: {{ address: "127.0.0.1:0" }}
  access_log:
{logs}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
routes:
  - {{ name: ping, match: {{ path: {{ prefix: / }} }}, respond: {{ headers: {{ x-answer: "42", set-cookie: s3cret-cookie }}, body: pong }} }}
  - {{ name: bad, match: {{ path: /bad }}, respond: {{ status: 500 }} }}
"#
    )
}

async fn ask(gateway: &Process, paths: impl IntoIterator<Item = String>) {
    let mut client = Client::http1(gateway.address("web")).await;
    for path in paths {
        client.get(&path).await;
    }
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("/{number}"))
}

fn load(gateway: &Process, connections: usize) -> Load {
    let address = gateway.address("web");
    Load::start(connections, "/ping", move || Client::http1(address))
}

/// The lines of a file, all of them whole.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{} ends in the midst of a line", path.display());
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn paths(lines: &[Value]) -> BTreeSet<&str> {
    lines.iter().map(|line| line["path"].as_str().unwrap()).collect()
}

async fn count(gateway: &Process, family: &str, log: &str) -> f64 {
    gateway.metrics().await.value(family, &[("log", log)]).unwrap_or_else(|| panic!("no {family} of {log}"))
}

async fn dropped(gateway: &Process, log: &str) -> f64 {
    count(gateway, "sluice_access_log_dropped_lines_total", log).await
}

/// One message for each exchange, with the header of RFC 5424, whatever the transport.
#[tokio::test]
async fn syslog_servers_get_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let servers = [
        SyslogServer::udp().await,
        SyslogServer::tcp().await,
        SyslogServer::unix(&folder.path().join("dgram")),
        SyslogServer::unix_stream(&folder.path().join("stream")),
    ];
    let log = |server: &SyslogServer| {
        format!(
            "    - {{ syslog: {{ address: \"{}\", facility: daemon, app_name: gw }}, format: logfmt }}\n",
            server.address
        )
    };
    let gateway = Process::start(&document(&servers.iter().map(log).collect::<String>())).await;
    ask(&gateway, numbered(50).chain(["/bad".to_owned()])).await;
    for server in &servers {
        let told = eventually("every message", async || {
            let messages = server.messages();
            (messages.len() >= 51).then_some(messages)
        })
        .await;
        assert_eq!(told.len(), 51, "{}", server.address);
        for (path, priority) in numbered(50).map(|path| (path, 30)).chain([("/bad".to_owned(), 27)]) {
            let found = told.iter().find(|message| message.contains(&format!(" path={path} "))).unwrap();
            assert!(found.starts_with(&format!("<{priority}>1 20")), "{found}");
            let (head, line) = found.split_once(" access - ").unwrap();
            assert!(head.contains(" gw ") && head.split(' ').count() == 5, "{head}");
            assert!(line.starts_with("time=20") && line.contains(" method=GET "), "{line}");
        }
    }
    assert_eq!(dropped(&gateway, "syslog-3").await, 0.0);
}

/// What is not taken the first time is offered again until it is.
#[tokio::test]
async fn batches_arrive_in_the_shape_that_each_server_wants() {
    let server = Batches::start(&[503, 429, 500]).await;
    let address = server.address();
    let gateway = Process::start(&document(&format!(
        r#"    - {{ http: {{ url: "http://{address}/lines" }} }}
    - {{ http: {{ url: "http://{address}", shape: loki, labels: {{ job: gw }} }}, format: logfmt }}
    - {{ http: {{ url: "http://{address}", shape: elasticsearch, index: logs }} }}
"#
    )))
    .await;
    ask(&gateway, numbered(20)).await;
    eventually("all lines", async || {
        for log in ["http", "http-2", "http-3"] {
            if count(&gateway, "sluice_access_log_lines_total", log).await < 20.0 {
                return None;
            }
        }
        Some(())
    })
    .await;

    let expected: BTreeSet<_> = numbered(20).collect();
    let expected: BTreeSet<_> = expected.iter().map(String::as_str).collect();
    assert_eq!(paths(&server.lines("/lines")), expected);

    let loki: Vec<Value> =
        server.at("/loki/api/v1/push").iter().map(|batch| serde_json::from_str(batch).unwrap()).collect();
    let streams = loki.iter().map(|push| &push["streams"][0]);
    let values: Vec<_> = streams
        .inspect(|stream| assert_eq!(stream["stream"], json!({ "job": "gw" })))
        .flat_map(|stream| stream["values"].as_array().unwrap())
        .collect();
    assert_eq!(values.len(), 20);
    for value in values {
        assert!(value[0].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000_000_000_000, "{value}");
        assert!(value[1].as_str().unwrap().contains(" status=200 "), "{value}");
    }

    let bulk = server.lines("/_bulk");
    assert_eq!(bulk.len(), 40);
    for pair in bulk.chunks(2) {
        assert_eq!(pair[0], json!({ "create": { "_index": "logs" } }));
        assert!(pair[1]["@timestamp"].is_string() && pair[1]["status"] == 200, "{}", pair[1]);
    }
    for log in ["http", "http-2", "http-3"] {
        assert_eq!(dropped(&gateway, log).await, 0.0, "{log}");
    }
}

/// As the official messages have them; what a busy collector does not take is told again, what it refuses is counted.
#[tokio::test]
async fn collectors_get_every_record_over_either_protocol() {
    for (protocol, path, busy, bad) in [
        ("grpc", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", Reply::Grpc(14), Reply::Grpc(3)),
        ("http", "/v1/logs", Reply::Status(503, Some("0")), Reply::Status(400, None)),
    ] {
        let collector = Collector::start().await;
        collector.answer_next([busy.clone(), busy]);
        let gateway = Process::start(&document(&format!(
            r#"    - {{ otlp: {{ endpoint: "http://{}", protocol: {protocol}, compression: gzip, service_name: edge, headers: {{ x-key: geheim }} }},
        request_headers: [host] }}
"#,
            collector.address
        )))
        .await;
        ask(&gateway, numbered(50).chain(["/bad".to_owned()])).await;
        let lines = async |lines: f64| {
            let counted =
                async || (count(&gateway, "sluice_access_log_lines_total", "otlp").await == lines).then_some(());
            eventually("every record is counted", counted).await;
        };
        lines(51.0).await;
        let records = collector.records();
        assert_eq!(records.len(), 51);
        for (path, status, severity) in
            numbered(50).map(|path| (path, "200", 9)).chain([("/bad".to_owned(), "500", 17)])
        {
            let [record] = records.iter().filter(|record| record.text("url.path") == path).collect::<Vec<_>>()[..]
            else {
                panic!("{path}: {records:#?}")
            };
            assert_eq!((record.severity, &*record.body), (severity, &*format!("GET {path} {status}")));
            assert_eq!((record.text("http.response.status_code"), record.text("sluice.attempts")), (status, "0"));
            assert_eq!(record.text("http.request.header.host"), gateway.address("web").to_string());
            assert!(record.text("sluice.duration_ms").parse::<f64>().unwrap() > 0.0, "{record:?}");
            assert!(record.time > 1_700_000_000_000_000_000 && record.resource["service.name"] == "edge", "{record:?}");
        }
        let requests = collector.requests();
        assert!(requests.len() >= 3, "twice busy, then it had room");
        for (asked, head) in requests {
            assert_eq!((&*asked, &head["x-key"]), (path, &HeaderValue::from_static("geheim")));
        }

        collector.answer_next([bad]);
        ask(&gateway, ["/refused".to_owned()]).await;
        eventually("it is counted", async || (dropped(&gateway, "otlp").await == 1.0).then_some(())).await;
        collector.answer_next([Reply::Rejects(1)]);
        ask(&gateway, ["/rejected".to_owned()]).await;
        eventually("it is counted", async || (dropped(&gateway, "otlp").await == 2.0).then_some(())).await;
        // The end waits until all is told.
        ask(&gateway, ["/last".to_owned()]).await;
        gateway.signal(Signal::TERM);
        assert_eq!(gateway.wait_exit().await.code, Some(0));
        assert!(collector.records().iter().any(|record| record.text("url.path") == "/last"));
    }
}

/// Who is not there, is killed, or takes nothing, costs lines, and no request anything.
#[tokio::test]
async fn sinks_that_are_dead_harm_no_request() {
    let (_held, gone) = nobody();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Accepts by its queue and never reads.
    let silent = (silent.local_addr().unwrap(), silent);
    // Over TCP the kernel takes megabytes with every connection that is tried, here next to nothing.
    let folder = tempfile::tempdir().unwrap();
    let unread = folder.path().join("unread");
    let _unread = std::os::unix::net::UnixDatagram::bind(&unread).unwrap();
    let collector = Collector::start().await;
    let batch = "batch: { bytes: 32KiB, queue: 64KiB, timeout: 200ms }";
    // Of those, the kernel takes some megabytes for a server that reads none of them.
    let long = "x".repeat(16 << 10);
    let gateway = Process::start(&document(&format!(
        r#"    - {{ name: refused, http: {{ url: "http://{gone}", {batch} }} }}
    - {{ name: hanging, http: {{ url: "http://{silent}", {batch} }} }}
    - {{ name: gone, syslog: {{ address: "tcp://{gone}" }}, format: {{ template: "{{path}} {long}" }} }}
    - {{ name: unread, syslog: {{ address: "unix:{unread}" }}, format: {{ template: "{{path}} {long}" }} }}
    - {{ name: full, path: /dev/full }}
    - {{ name: killed, otlp: {{ endpoint: "http://{collector}", queue: 64KiB }} }}
    - {{ name: deaf, otlp: {{ endpoint: "http://{silent}", protocol: http, queue: 64KiB }} }}
    - {{ path: stdout }}
"#,
        silent = silent.0,
        unread = unread.display(),
        collector = collector.address,
    )))
    .await;
    let load = load(&gateway, 4);
    eventually("the collector is told", async || (!collector.records().is_empty()).then_some(())).await;
    drop(collector);
    for log in ["refused", "hanging", "gone", "unread", "full", "killed", "deaf"] {
        eventually(log, async || (dropped(&gateway, log).await > 0.0).then_some(())).await;
    }
    // With all of them full, all the same:
    load.more(500).await;
    let answers = load.stop().await.unharmed();
    let written = async || {
        let written = count(&gateway, "sluice_access_log_lines_total", "stdout").await;
        (written == answers as f64).then_some(())
    };
    eventually("the sink that works has every line", written).await;
    // What cannot be delivered does not hold up the end either.
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().await.code, Some(0));
}

/// A server that goes away under load and comes back: what fits into the queue arrives, and the rest is counted.
#[tokio::test]
async fn a_server_that_comes_back_is_told_again() {
    let server = SyslogServer::tcp().await;
    let address = server.address.strip_prefix("tcp://").unwrap().to_owned();
    let gateway =
        Process::start(&document(&format!("    - {{ syslog: {{ address: \"{}\" }} }}\n", server.address))).await;
    let load = load(&gateway, 2);
    load.more(200).await;
    eventually("the first lines", async || (!server.messages().is_empty()).then_some(())).await;
    drop(server);
    load.more(200).await;
    gateway.says("cannot write the access log").await;
    let server = SyslogServer::tcp_at(&address).await;
    load.more(200).await;
    load.stop().await.unharmed();
    ask(&gateway, ["/last".to_owned()]).await;
    eventually("the last line", async || {
        server.messages().iter().any(|message| message.contains("\"path\":\"/last\"")).then_some(())
    })
    .await;
}

/// Files that are moved away by size, under load: every line is in exactly one of them.
#[tokio::test]
async fn rotation_loses_and_doubles_no_line() {
    let gateway = Process::start(&document("    - { path: logs.jsonl, rotate: { size: 64KiB, keep: 1000 } }\n")).await;
    let file = |number: usize| {
        let name = if number == 0 { "logs.jsonl".to_owned() } else { format!("logs.jsonl.{number}") };
        gateway.directory().join(name)
    };
    let address = gateway.address("web");
    let load = load(&gateway, 4);
    eventually("several files", async || file(5).exists().then_some(())).await;
    let answers = load.stop().await.unharmed();
    // Each of these has a name of its own.
    let mut client = Client::http1(address).await;
    for path in numbered(500) {
        client.get(&path).await;
    }
    drop(client);
    let written = async || {
        (count(&gateway, "sluice_access_log_lines_total", "file").await == (answers + 500) as f64).then_some(())
    };
    eventually("all lines", written).await;
    let all: Vec<Value> = (0..).map(file).take_while(|path| path.exists()).flat_map(|path| lines(&path)).collect();
    assert_eq!(all.len() as u64, answers + 500);
    for number in numbered(500) {
        assert_eq!(all.iter().filter(|line| line["path"] == number).count(), 1, "{number}");
    }
    assert_eq!(dropped(&gateway, "file").await, 0.0);
}

/// Whoever moves the file away and says so loses no line, and neither does whoever sends lines elsewhere.
#[tokio::test]
async fn files_may_change_under_load() {
    let gateway = Process::start(&document("    - { path: a.jsonl }\n")).await;
    let load = load(&gateway, 4);
    load.more(500).await;
    let at = |name: &str| gateway.directory().join(name);
    // Lines wait in buffers for up to a second.
    eventually("the first lines", async || (fs::metadata(at("a.jsonl")).ok()?.len() > 0).then_some(())).await;
    fs::rename(at("a.jsonl"), at("moved.jsonl")).unwrap();
    gateway.signal(Signal::HUP);
    eventually("the new file", async || at("a.jsonl").exists().then_some(())).await;
    // It reads the document again as well.
    eventually("the reload", async || (gateway.generation().await >= 2.0).then_some(())).await;
    load.more(500).await;
    gateway.reload_and_wait(&document("    - { path: b.jsonl }\n")).await;
    load.more(500).await;
    let answers = load.stop().await.unharmed();
    let (directory, generation) = (gateway.directory().to_owned(), gateway.generation().await);
    assert!(generation >= 3.0, "{generation}");
    // Nothing is left in buffers after the end; the folder goes with the handle, so look before.
    let all = async || {
        let counts = ["moved.jsonl", "a.jsonl", "b.jsonl"].map(|name| {
            let text = fs::read_to_string(directory.join(name)).unwrap_or_default();
            text.lines().count() as u64
        });
        (counts.iter().sum::<u64>() == answers).then_some(counts)
    };
    let counts = eventually("every line in one of the files", all).await;
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    for name in ["moved.jsonl", "a.jsonl", "b.jsonl"] {
        lines(&at(name));
    }
}

/// A disk that is full costs lines until there is room again, and tears none of those that follow.
#[tokio::test]
async fn a_full_disk_is_got_over() {
    let gateway = Process::start(&document("    - { path: a.jsonl }\n")).await;
    gateway.limit_file_size(Some(16 * 1024));
    let load = load(&gateway, 2);
    eventually("lines are dropped", async || (dropped(&gateway, "file").await > 0.0).then_some(())).await;
    load.stop().await.unharmed();
    gateway.limit_file_size(None);
    ask(&gateway, ["/after".to_owned()]).await;
    let path = gateway.directory().join("a.jsonl");
    let text = eventually("lines are written again", async || {
        fs::read_to_string(&path).ok().filter(|text| text.contains("/after") && text.ends_with('\n'))
    })
    .await;
    let torn = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).count();
    assert!(torn <= 1, "{torn} lines are torn");
    gateway.says("the access log can be written again").await;
}

/// Statuses, samples, fields of heads, and a template.
#[tokio::test]
async fn logs_say_what_they_are_asked_for() {
    let template = "{method} {path} {status} {response_headers.x-answer} {request_headers.x-tenant}";
    let gateway = Process::start(&document(&format!(
        r#"    - {{ path: errors.jsonl, status: [400-599] }}
    - {{ path: sample.jsonl, sample: 0% }}
    - {{ path: text.log, format: {{ template: "{template}" }} }}
    - {{ path: heads.jsonl, fields: [path, listener, scheme, peer], request_headers: [x-tenant], response_headers: [x-answer] }}
"#
    )))
    .await;
    let mut asked = request(Method::GET, "/ping");
    asked.headers_mut().insert("x-tenant", HeaderValue::from_static("a \"b\""));
    let mut client = Client::http1(gateway.address("web")).await;
    client.fetch(asked).await;
    assert_eq!(client.get("/bad").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let read = |name: &str| fs::read_to_string(gateway.directory().join(name)).unwrap_or_default();
    eventually("all lines", async || {
        (read("text.log").lines().count() == 2 && read("heads.jsonl").lines().count() == 2).then_some(())
    })
    .await;
    assert_eq!(read("text.log"), "GET /ping 200 42 a \\\"b\\\"\nGET /bad 500 - -\n");
    let heads = lines(&gateway.directory().join("heads.jsonl"));
    let expected = json!({
        "path": "/ping", "listener": "web", "scheme": "http", "peer": "127.0.0.1",
        "request_headers": { "x-tenant": "a \"b\"" }, "response_headers": { "x-answer": "42" },
    });
    assert_eq!(heads[0], expected);
    for name in ["errors.jsonl", "sample.jsonl"] {
        let bad = async || (!read(name).is_empty()).then(|| lines(&gateway.directory().join(name)));
        let found = eventually(name, bad).await;
        assert_eq!(found.iter().map(|line| &line["path"]).collect::<Vec<_>>(), ["/bad"], "{name}");
    }
}

/// Credentials in every place that they travel in, every field, every sink: none of them is anywhere.
#[tokio::test]
async fn no_secret_is_in_any_log() {
    let (udp, tcp, server) = (SyslogServer::udp().await, SyslogServer::tcp().await, Batches::start(&[]).await);
    let (address, collector) = (server.address(), Collector::start().await);
    let fields = "fields: [time, client, peer, method, scheme, host, path, query, protocol, status, cause, nearest, listener, route, side, \
                  upstream, endpoint, attempts, duration_ms, overhead_ms, upstream_ms, request_bytes, response_bytes, user_agent, referer, \
                  request_id, consumer, sni], request_headers: [authorization, proxy-authorization, cookie, x-api-key, x-mine, x-next], \
                  response_headers: [set-cookie, x-answer], redact: [x-mine, mine]";
    let gateway = Process::with(&document(&format!(
        r#"    - {{ path: stdout, {fields} }}
    - {{ path: a.log, format: logfmt, {fields} }}
    - {{ path: b.log, format: {{ template: "{{path}} {{query}} {{referer}} {{request_headers.authorization}} {{response_headers.set-cookie}}" }}, redact: [mine] }}
    - {{ syslog: {{ address: "{}" }}, {fields} }}
    - {{ syslog: {{ address: "{}" }}, {fields} }}
    - {{ http: {{ url: "http://{address}", headers: {{ authorization: s3cret-of-the-log }} }}, {fields} }}
    - {{ http: {{ url: "http://{address}", shape: loki }}, {fields} }}
    - {{ http: {{ url: "http://{address}", shape: elasticsearch, index: logs }}, {fields} }}
    - {{ otlp: {{ endpoint: "http://{}", headers: {{ authorization: s3cret-of-the-log }} }}, {fields} }}
"#,
        udp.address, tcp.address, collector.address
    )))
    .argument("--log-level")
    .argument("debug")
    .start()
    .await;
    let target = "/x;jsessionid=s3cret-path?token=s3cret-token&%70assword=s3cret-password&a=visible&mine=s3cret-mine&\
                  next=%2Fcb%3Fcode%3Ds3cret-code&X-Amz-Signature=s3cret-signature";
    let mut client = Client::http1(gateway.address("web")).await;
    for _ in 0..3 {
        let mut asked = request(Method::GET, target);
        for (name, value) in [
            ("authorization", "Bearer s3cret-bearer"),
            ("proxy-authorization", "Basic s3cret-basic"),
            ("cookie", "session=s3cret-session"),
            ("x-api-key", "s3cret-key"),
            ("x-mine", "s3cret-header"),
            ("x-next", "https://u:s3cret-user@a.example/#access_token=s3cret-fragment"),
            ("referer", "https://a.example/?code=s3cret-referer&a=visible"),
        ] {
            asked.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        client.fetch(asked).await;
    }
    let places = async || {
        let read = |name: &str| fs::read_to_string(gateway.directory().join(name)).unwrap_or_default();
        let batches = ["/", "/loki/api/v1/push", "/_bulk"].map(|path| (path, server.at(path).concat()));
        let places: Vec<(&str, String)> = [
            ("stdout", gateway.stdout()),
            ("logfmt", read("a.log")),
            ("template", read("b.log")),
            ("udp", udp.messages().concat()),
            ("tcp", tcp.messages().concat()),
            ("otlp", format!("{:?}", collector.records())),
        ]
        .into_iter()
        .chain(batches)
        .collect();
        places.iter().all(|(_, text)| text.matches("a=visible").count() >= 3).then_some(places)
    };
    let mut places = eventually("three lines in each place", places).await;
    places.push(("stderr", gateway.stderr()));
    places.push(("metrics", client::get(gateway.admin(), "/metrics").await.text().to_owned()));
    for (place, text) in places {
        assert!(!text.contains("s3cret"), "{place}: {text}");
    }
}

/// Orders hold at once, for a part or for all, and are taken back by themselves.
#[tokio::test]
async fn operators_change_how_much_is_said() {
    // One that was made would be shown, for people, in a line of its own.
    let token = "0123456789abcdef0123456789abcdef";
    let gateway = Process::with(&document("    []\n")).argument("--log-format").argument("json");
    let gateway = gateway.env("SLUICE_ADMIN_TOKEN", token).start().await;
    let operator = Operator::with(&gateway, token);
    let ask = async |method: Method, order: Value| operator.ask(method, "/log-level", &order).await;
    let told = ask(Method::GET, Value::Null).await.json();
    assert_eq!(told, json!({ "level": "info", "targets": {}, "changes": [] }));
    let refused = ask(Method::PUT, json!({ "level": "loud" })).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());

    let said = |level: &str| {
        let text = gateway.stderr();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().filter(|line| line["level"] == level && line["message"].is_string()).count()
    };
    let told = ask(Method::PUT, json!({ "level": "debug", "target": "proxy", "for": "1h" })).await.json();
    assert_eq!((&told["targets"]["proxy"], &told["level"]), (&json!("debug"), &json!("info")));
    assert!(told["changes"][0]["until"].is_string(), "{told}");
    assert_eq!(said("debug"), 0);
    client::get(gateway.address("web"), "/a%2Fb").await;
    eventually("a line for those who look closely", async || (said("debug") > 0).then_some(())).await;

    ask(Method::PUT, json!({ "level": "error", "for": "50ms" })).await;
    eventually("the order is taken back", async || {
        (ask(Method::GET, Value::Null).await.json()["level"] == "info").then_some(())
    })
    .await;
    let told = ask(Method::PUT, json!({ "level": "configured", "target": "proxy" })).await.json();
    assert_eq!(told, json!({ "level": "info", "targets": {}, "changes": [] }));
    assert!(said("info") > 0);
}

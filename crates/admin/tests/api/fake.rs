//! A gateway that keeps JSON and checks little, and whoever asks it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use admin::{Gateway, LogLevel, LogLevelOrder, LogLevelTold, Readiness, serve};
use message::Token;
use model::values::SecretHash;
use revisions::{
    Document, Meta, Revision,
    edit::{self, Edit, List, name_of},
};
use serde_json::{Map, Value, json};
use snapshot::{
    BreakerOrder, BreakerTold, ChangeError, ChangeOrder, ChangeTold, Diff, EndpointHealthTold, EndpointOrder,
    EndpointOrderError, Expected, Explanation, Finding, KeyUsed, LiveEndpointTold, NodeTold, ObjectTold, OrderError,
    Owner, Question, QuestionError, ServiceOrder, ServiceOrderError, ServiceTold,
};
use telemetry::{
    Format,
    history::{Busy, Point, Resolution, Subject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A gateway whose file has a route, and whose API may have whatever does not say `no good`.
pub(crate) struct Fake {
    token: Token,
    /// The oldest first; the first is empty.
    revisions: Mutex<Vec<Arc<Revision>>>,
    /// How often somebody else is faster still, and gives the first consumer a key.
    pub(crate) races: AtomicUsize,
}

/// In the file.
pub(crate) const OURS_NOT: &str = "from-file";

pub(crate) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no map"),
    }
}

pub(crate) fn told(owner: Owner, object: &Map<String, Value>) -> ObjectTold {
    let text = Value::Object(object.clone()).to_string();
    let tag = text.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    ObjectTold { name: name_of(object).unwrap().to_owned(), owner, tag: format!("{tag:x}"), object: object.clone() }
}

impl Fake {
    pub(crate) fn ours(&self) -> Arc<Document> {
        self.revisions.lock().unwrap().last().unwrap().document.clone()
    }

    pub(crate) fn number(&self) -> u64 {
        self.revisions.lock().unwrap().last().unwrap().meta.number
    }

    pub(crate) fn check(&self, expected: &Expected) -> Result<(), ChangeError> {
        let is_so = match expected {
            Expected::Revision(number) => *number == self.number(),
            Expected::Object { list, name, tag } => self.object(*list, name).map(|object| object.tag) == *tag,
        };
        is_so.then_some(()).ok_or_else(|| ChangeError::Unexpected("somebody else was faster".to_owned()))
    }

    fn give_a_key(&self) {
        let mut document = self.ours().to_map();
        let key = json!({ "key": { "hash": SecretHash::of(b"theirs").to_string() } });
        let credentials = &mut document["consumers"][0]["credentials"];
        match credentials.as_array_mut() {
            Some(list) => list.push(key),
            None => *credentials = json!([key]),
        }
        let mut kept = self.revisions.lock().unwrap();
        let mut meta = kept.last().unwrap().meta.clone();
        meta.number += 1;
        kept.push(Arc::new(Revision { meta, document: Arc::new(document.into()) }));
    }
}

pub(crate) fn name_in(edit: &Edit) -> Option<(List, &str)> {
    match edit {
        Edit::Create { list, object } => Some((*list, name_of(object)?)),
        Edit::Put { list, name, .. } | Edit::Patch { list, name, .. } | Edit::Delete { list, name } => {
            Some((*list, name))
        }
        _ => None,
    }
}

impl Gateway for Fake {
    fn objects(&self, list: List) -> Vec<ObjectTold> {
        let place = || Owner::File { place: "sluice.yaml:3:5".to_owned() };
        let in_file = map(json!({ "name": OURS_NOT, "match": { "path": "/file" }, "respond": {} }));
        let in_file = (list == List::Routes).then(|| told(place(), &in_file));
        in_file.into_iter().chain(self.ours().objects(list).map(|object| told(Owner::Api, object))).collect()
    }

    fn document(&self, only_ours: bool) -> Map<String, Value> {
        let mut document = self.ours().to_map();
        if !only_ours {
            let objects = self.objects(List::Routes).into_iter().map(|told| Value::Object(told.object));
            document.insert("routes".to_owned(), objects.collect());
        }
        document
    }

    fn change(&self, order: ChangeOrder) -> Result<ChangeTold, ChangeError> {
        if self.races.load(Relaxed) > 0 {
            self.races.fetch_sub(1, Relaxed);
            self.give_a_key();
        }
        order.expected.iter().try_for_each(|expected| self.check(expected))?;
        if let Some((list, name)) = order.edits.iter().filter_map(name_in).find(|(_, name)| *name == OURS_NOT) {
            let owner = self.object(list, name).unwrap().owner;
            return Err(ChangeError::NotOurs { list, name: name.to_owned(), owner });
        }
        let document = edit::apply(&self.ours(), &order.edits).map_err(ChangeError::Edit)?;
        let finding = |severity: &str| Finding {
            severity: severity.to_owned(),
            path: Some("routes[a].match".to_owned()),
            place: None,
            message: "it is no good".to_owned(),
            hint: Some("take it out".to_owned()),
        };
        if Value::Object(document.to_map()).to_string().contains("no good") {
            return Err(ChangeError::Refused(vec![finding("error")]));
        }
        let mut kept = self.revisions.lock().unwrap();
        let ChangeOrder { author, message, dry_run, with_diff, .. } = order;
        let number = kept.last().unwrap().meta.number + 1;
        let meta = Meta { number, time: 1_700_000_000_000 + number, author, message };
        if !dry_run {
            kept.push(Arc::new(Revision { meta: meta.clone(), document: Arc::new(document) }));
        }
        Ok(ChangeTold {
            revision: (!dry_run).then_some(meta),
            generation: 3,
            warnings: vec![finding("warning")],
            diff: (dry_run || with_diff).then(no_diff),
        })
    }

    fn revisions(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String> {
        let kept = self.revisions.lock().unwrap();
        let older = kept.iter().rev().map(|revision| revision.meta.clone());
        let older = older.filter(|meta| meta.number > 0 && before.is_none_or(|before| meta.number < before));
        Ok(older.take(most).collect())
    }

    fn revision(&self, number: u64) -> Result<Arc<Revision>, ChangeError> {
        let kept = self.revisions.lock().unwrap();
        kept.iter().find(|kept| kept.meta.number == number).cloned().ok_or(ChangeError::NoRevision(number))
    }

    fn compare(&self, old: u64, new: u64) -> Result<Diff, ChangeError> {
        let (old, new) = (self.revision(old)?, self.revision(new)?);
        Ok(Diff { same: old.document == new.document, ..no_diff() })
    }

    fn keys_used(&self, consumer: &str) -> Vec<KeyUsed> {
        assert_eq!(consumer, "alice");
        vec![KeyUsed { id: "ci".into(), last: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60)) }]
    }

    fn nodes(&self) -> Vec<NodeTold> {
        vec![NodeTold {
            name: "here".to_owned(),
            version: "1".to_owned(),
            revision: self.number(),
            generation: 3,
            started: telemetry::rfc3339(SystemTime::UNIX_EPOCH),
            uptime_seconds: 5,
            is_self: true,
            skew: 0,
            dependencies: Vec::new(),
        }]
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn breakers(&self) -> Vec<BreakerTold> {
        Vec::new()
    }

    fn health(&self) -> Vec<EndpointHealthTold> {
        let of = |upstream: &str| EndpointHealthTold {
            upstream: upstream.into(),
            // tidy-allow fixed-port: data, never bound
            endpoint: "127.0.0.1:1".to_owned(),
            state: "healthy",
            reason: "started",
            since: String::new(),
            until: None,
            last_probe: None,
            ejections: 0,
        };
        vec![of("a"), of("b")]
    }

    fn endpoints(&self, upstream: &str) -> Option<Vec<LiveEndpointTold>> {
        // tidy-allow fixed-port: data, never bound
        (upstream == "a").then(|| vec![endpoint("[::1]:80", 1)])
    }

    fn order_endpoint(
        &self,
        upstream: &str,
        address: &str,
        order: &EndpointOrder,
    ) -> Result<LiveEndpointTold, EndpointOrderError> {
        let order = order.on(None)?;
        match (upstream, address) {
            // tidy-allow fixed-port: data, never bound
            ("a", "[::1]:80") => {
                Ok(LiveEndpointTold { order: Some(order.clone()), ..endpoint(address, order.weight.unwrap()) })
            }
            ("a", _) => {
                // tidy-allow fixed-port: data, never bound
                Err(EndpointOrderError::NoEndpoint { address: address.to_owned(), known: vec!["[::1]:80".to_owned()] })
            }
            _ => Err(EndpointOrderError::NoUpstream { name: upstream.to_owned(), nearest: None }),
        }
    }

    fn readiness(&self) -> Readiness {
        Readiness::default()
    }

    fn metrics(&self, _: Format) -> String {
        String::new()
    }

    fn explain(&self, _: &Question) -> Result<Explanation, QuestionError> {
        Err(QuestionError::NoListener)
    }

    fn order_breakers(&self, _: &BreakerOrder) -> Result<Vec<BreakerTold>, OrderError> {
        Err(OrderError::NobodyNamed)
    }

    fn log_level(&self) -> LogLevelTold {
        LogLevelTold { level: LogLevel::Info, targets: BTreeMap::new(), changes: Vec::new() }
    }

    fn order_log_level(&self, _: &LogLevelOrder) -> LogLevelTold {
        self.log_level()
    }

    fn services(&self) -> Vec<ServiceTold> {
        Vec::new()
    }

    fn order_service(&self, _: &ServiceOrder) -> Result<ServiceTold, ServiceOrderError> {
        Err(ServiceOrderError::NoSuchService(Vec::new()))
    }

    fn series(&self, _: Subject, _: &str, _: Resolution) -> Option<Vec<Point>> {
        None
    }

    fn busiest(&self, _: Subject, _: usize) -> Vec<Busy> {
        Vec::new()
    }
}

pub(crate) fn endpoint(address: &str, weight: u32) -> LiveEndpointTold {
    LiveEndpointTold {
        address: address.to_owned(),
        weight,
        tier: 0,
        labels: BTreeMap::new(),
        eligible: true,
        in_flight: None,
        health: None,
        order: None,
    }
}

pub(crate) fn no_diff() -> Diff {
    Diff {
        same: true,
        gateway: Vec::new(),
        listeners: Vec::new(),
        upstreams: Vec::new(),
        routes: Vec::new(),
        consumers: Vec::new(),
        operators: Vec::new(),
        requests: Vec::new(),
        omitted: 0,
    }
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Arc<Fake>,
}

pub(crate) async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let meta = Meta { number: 0, time: 0, author: String::new(), message: String::new() };
    let none = Arc::new(Revision { meta, document: Arc::new(map(json!({ "version": 1 })).into()) });
    let gateway = Arc::new(Fake {
        token: Token::new("secret").unwrap(),
        revisions: Mutex::new(vec![none]),
        races: AtomicUsize::new(0),
    });
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener.into(), gateway.clone(), std::future::pending()));
    Running { address, gateway }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        if status >= 400 {
            let problem = self.json();
            assert_eq!(self.field("content-type"), Some("application/problem+json"));
            assert!(problem["status"] == status && problem["detail"].is_string(), "{problem}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn says(self, what: &str) -> Self {
        assert!(self.json()["detail"].as_str().is_some_and(|detail| detail.contains(what)), "{}", self.body);
        self
    }
}

impl Running {
    pub(crate) async fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// With these further fields, each with its line break.
    pub(crate) async fn ask_with(&self, method: &str, path: &str, fields: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("{method} /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        let token = "authorization: Bearer secret\r\n";
        self.send(&format!("{head}{token}{fields}content-length: {length}\r\n\r\n{body}")).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, "content-type: application/json\r\n", body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask_with("GET", path, "", "").await
    }
}

pub(crate) fn field(name: &str, value: &str) -> String {
    format!("content-type: application/json\r\n{name}: {value}\r\n")
}

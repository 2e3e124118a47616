//! A Eureka server whose registry a test writes, with the habits of Netflix's and the faults that such servers have.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{
    body::{self, Body},
    origin::{Origin, Settings},
};

/// A server that tells what it was told.
#[derive(Debug)]
pub struct EurekaServer {
    /// With the path below which it answers.
    pub url: String,
    origin: Origin,
    shared: Shared,
}

/// What is wrong with a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    Nothing,
    /// Nothing but this status.
    Status(u16),
    /// What is no JSON.
    Garbage,
    /// Changes that are no JSON; the whole is fine.
    GarbledChanges,
    /// Nothing is said at all.
    Silent,
    /// It takes so long.
    Slow(Duration),
    /// The hash is that of another registry.
    WrongHash,
    /// Changes are not told, but counted in the hash.
    LosesChanges,
    /// Changes are not to be had.
    ForbidsChanges,
    /// What it tells is what it was when this began.
    Frozen,
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    registry: Registry,
    /// What it was when it froze.
    frozen: Option<Registry>,
    fault: Fault,
    /// Name and password, as `Authorization` has them.
    credentials: Option<String>,
    asked: Vec<String>,
}

#[derive(Debug, Clone, Default)]
struct Registry {
    /// By application and id.
    instances: BTreeMap<(String, String), Value>,
    /// All that ever changed: real ones tell it for three minutes, again and again.
    changes: Vec<Value>,
}

/// An instance as those register that run on Spring; anything else can be written into it.
pub fn instance(app: &str, id: &str, address: SocketAddr, status: &str) -> Value {
    json!({
        "instanceId": id,
        "hostName": address.ip().to_string(),
        "app": app,
        "ipAddr": address.ip().to_string(),
        "status": status,
        "overriddenStatus": "UNKNOWN",
        "port": { "$": address.port(), "@enabled": "true" },
        "securePort": { "$": 443, "@enabled": "false" },
        "countryId": 1,
        "dataCenterInfo": {
            "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
            "name": "MyOwn"
        },
        "leaseInfo": { "renewalIntervalInSecs": 30, "durationInSecs": 90 },
        "metadata": { "@class": "java.util.Collections$EmptyMap" },
        "vipAddress": app.to_lowercase(),
        "secureVipAddress": app.to_lowercase(),
        "isCoordinatingDiscoveryServer": "false",
        "lastUpdatedTimestamp": "1700000000000",
        "lastDirtyTimestamp": "1700000000000",
    })
}

// === impl EurekaServer ===

impl EurekaServer {
    /// Starts one that knows nobody.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// Starts one that speaks as `settings` say.
    pub async fn with(settings: Settings) -> Self {
        let shared = Shared::default();
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        let state = shared.clone();
        let origin = Origin::with(settings, move |request| state.clone().answer(request)).await;
        Self { url: format!("{scheme}://{}/eureka", origin.address), origin, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.origin.address
    }

    /// Registers an instance, or changes it.
    pub fn put(&self, instance: Value) {
        self.shared.lock().registry.put(instance);
    }

    /// Registers one that is up.
    pub fn up(&self, app: &str, id: &str, address: SocketAddr) {
        self.put(instance(app, id, address, "UP"));
    }

    /// Takes an instance out, as it would itself, or as one whose lease is over.
    pub fn remove(&self, app: &str, id: &str) {
        self.shared.lock().registry.remove(app, id);
    }

    /// Every lease is over at once.
    pub fn expire_all(&self) {
        let mut state = self.shared.lock();
        let all: Vec<_> = state.registry.instances.keys().cloned().collect();
        for (app, id) in all {
            state.registry.remove(&app, &id);
        }
    }

    /// What is wrong from now on.
    pub fn fault(&self, fault: Fault) {
        let mut state = self.shared.lock();
        state.frozen = (fault == Fault::Frozen).then(|| state.registry.clone());
        state.fault = fault;
    }

    /// Whoever asks must show this value of `Authorization` from now on.
    pub fn require(&self, authorization: &str) {
        self.shared.lock().credentials = Some(authorization.to_owned());
    }

    /// What was asked so far: `GET /apps`, `PUT /apps/GATEWAY/a`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.lock().asked.clone()
    }

    /// How often this was asked so far.
    pub fn times(&self, asked: &str) -> usize {
        self.shared.lock().asked.iter().filter(|other| *other == asked).count()
    }

    /// An instance as it is registered.
    pub fn registered(&self, app: &str, id: &str) -> Option<Value> {
        self.shared.lock().registry.instances.get(&(app.to_owned(), id.to_owned())).cloned()
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().strip_prefix("/eureka").map(ToOwned::to_owned);
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let authorization = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (fault, is_known) = {
            let mut state = self.lock();
            state.asked.push(format!("{} {}", head.method, path.as_deref().unwrap_or_default()));
            (state.fault.clone(), state.credentials.is_none() || state.credentials.as_deref() == authorization)
        };
        match fault {
            _ if !is_known => return empty(StatusCode::UNAUTHORIZED),
            Fault::Status(code) => return empty(StatusCode::from_u16(code).expect("a status")),
            Fault::Garbage => return Response::new(body::full("<html>We are down for")),
            Fault::Silent => std::future::pending().await,
            Fault::Slow(by) => tokio::time::sleep(by).await,
            _ => {}
        }
        let Some(path) = path else { return empty(StatusCode::NOT_FOUND) };
        self.lock().exchange(&head.method, &path, &body)
    }
}

// === impl State ===

impl State {
    fn exchange(&mut self, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
        let parts: Vec<_> = path.trim_matches('/').split('/').map(decoded).collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["apps"]) => json_answer(&self.told().whole(&self.fault)),
            ("GET", ["apps", "delta"]) => match self.fault {
                Fault::ForbidsChanges => empty(StatusCode::FORBIDDEN),
                Fault::GarbledChanges => Response::new(body::full("{\"applications\":")),
                _ => json_answer(&self.told().changes(&self.fault)),
            },
            ("POST", ["apps", _]) => {
                match serde_json::from_slice::<Value>(body)
                    .ok()
                    .and_then(|mut told| Some(told.get_mut("instance")?.take()))
                {
                    Some(instance) if is_complete(&instance) => {
                        self.registry.put(instance);
                        empty(StatusCode::NO_CONTENT)
                    }
                    _ => empty(StatusCode::BAD_REQUEST),
                }
            }
            ("PUT", ["apps", app, id]) if self.registry.has(app, id) => empty(StatusCode::OK),
            ("DELETE", ["apps", app, id]) if self.registry.has(app, id) => {
                self.registry.remove(app, id);
                empty(StatusCode::OK)
            }
            _ => empty(StatusCode::NOT_FOUND),
        }
    }

    fn told(&self) -> &Registry {
        self.frozen.as_ref().unwrap_or(&self.registry)
    }
}

// === impl Registry ===

impl Registry {
    fn has(&self, app: &str, id: &str) -> bool {
        self.instances.contains_key(&(app.to_owned(), id.to_owned()))
    }

    fn put(&mut self, instance: Value) {
        let text = |key: &str| instance[key].as_str().unwrap_or_default().to_owned();
        let key = (text("app"), text("instanceId"));
        let action = if self.instances.contains_key(&key) { "MODIFIED" } else { "ADDED" };
        self.changed(&instance, action);
        self.instances.insert(key, instance);
    }

    fn remove(&mut self, app: &str, id: &str) {
        if let Some(instance) = self.instances.remove(&(app.to_owned(), id.to_owned())) {
            self.changed(&instance, "DELETED");
        }
    }

    fn changed(&mut self, instance: &Value, action: &str) {
        let mut change = instance.clone();
        change["actionType"] = action.into();
        // Of each instance the last change is told.
        self.changes.retain(|other| other["app"] != change["app"] || other["instanceId"] != change["instanceId"]);
        self.changes.push(change);
    }

    fn whole(&self, fault: &Fault) -> Value {
        self.told(self.instances.values(), fault)
    }

    fn changes(&self, fault: &Fault) -> Value {
        let lost = *fault == Fault::LosesChanges;
        self.told(self.changes.iter().filter(|_| !lost), fault)
    }

    fn told<'a>(&self, instances: impl Iterator<Item = &'a Value>, fault: &Fault) -> Value {
        let mut applications: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for instance in instances {
            applications.entry(instance["app"].as_str().unwrap_or_default()).or_default().push(instance.clone());
        }
        let applications = applications
            .into_iter()
            .map(|(name, instances)| json!({ "name": name, "instance": as_elements(instances) }));
        let hash = if *fault == Fault::WrongHash { "UP_4711_".to_owned() } else { self.hash() };
        json!({ "applications": {
            "versions__delta": "1",
            "apps__hashcode": hash,
            "application": as_elements(applications.collect()),
        } })
    }

    fn hash(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for instance in self.instances.values() {
            *counts.entry(instance["status"].as_str().unwrap_or("UNKNOWN")).or_default() += 1;
        }
        counts.iter().map(|(status, count)| format!("{status}_{count}_")).collect()
    }
}

/// A list as those write it who think in elements: one of it is that one.
fn as_elements(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

/// Whether a real server would take it.
fn is_complete(instance: &Value) -> bool {
    ["instanceId", "hostName", "ipAddr", "app"]
        .iter()
        .all(|key| instance[key].as_str().is_some_and(|text| !text.is_empty()))
        && instance["dataCenterInfo"]["name"].is_string()
}

/// Text of a path, without what `%` stands for.
fn decoded(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(octet) if *first == b'%' => {
                octets.push(octet);
                rest = &after[2..];
            }
            _ => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn json_answer(value: &Value) -> Response<Body> {
    let mut response = Response::new(body::full(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::full(""));
    *response.status_mut() = status;
    response
}

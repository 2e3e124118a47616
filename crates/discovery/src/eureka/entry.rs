//! The gateway's own entry: registered, kept by heartbeats, taken out before it drains.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use fetch::encoded;
use http::{Method, StatusCode};
use model::{Eureka, Registration};
use serde_json::{Map, Value, json};
use upstream::discovery::Failure;

use super::servers::{Question, Servers};
use crate::registration;

/// An instance of Eureka that is the gateway.
pub(crate) struct Entry {
    servers: Servers,
    /// `/apps/GATEWAY`.
    application: String,
    id: Arc<str>,
    instance: Value,
    /// Whether a server has taken it, and not said since that it forgot.
    is_known: bool,
}

// === impl Entry ===

impl Entry {
    pub(crate) fn new(settings: &Eureka, registration: &Registration) -> Self {
        let id = registration.id.clone().unwrap_or_else(|| {
            let Registration { host, service, port, .. } = registration;
            format!("{host}:{service}:{port}").into()
        });
        let application = format!("/apps/{}", encoded(&registration.service.to_uppercase()));
        let instance = instance(registration, &id);
        Self { servers: Servers::new(settings.clone()), application, id, instance, is_known: false }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.application, encoded(&self.id))
    }

    /// Whether the server still knows it.
    async fn beat(&mut self) -> Result<bool, Failure> {
        let target = format!("{}?status=UP", self.path());
        let is_answer = |status: StatusCode| status.is_success() || status == StatusCode::NOT_FOUND;
        let question = Question { method: Method::PUT, target, body: Bytes::new(), is_answer };
        Ok(self.servers.ask(&question).await?.head.status().is_success())
    }

    async fn register(&mut self) -> Result<(), Failure> {
        // Of two versions of an entry the one that was changed last holds.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
        self.instance["lastDirtyTimestamp"] = now.clone().into();
        self.instance["lastUpdatedTimestamp"] = now.into();
        let body = json!({ "instance": self.instance }).to_string().into();
        let target = self.application.clone();
        let question = Question { method: Method::POST, target, body, is_answer: |status| status.is_success() };
        self.servers.ask(&question).await.map(drop)
    }
}

impl registration::Entry for Entry {
    const REGISTRY: &'static str = "eureka";

    async fn renew(&mut self) -> Result<(), Failure> {
        if self.is_known && self.beat().await? {
            return Ok(());
        }
        self.is_known = false;
        self.register().await?;
        self.is_known = true;
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), Failure> {
        let is_answer = |status: StatusCode| status.is_success() || status == StatusCode::NOT_FOUND;
        let question = Question { method: Method::DELETE, target: self.path(), body: Bytes::new(), is_answer };
        self.servers.ask(&question).await.map(drop)
    }
}

/// What servers and Spring's clients need to know of an instance.
fn instance(registration: &Registration, id: &str) -> Value {
    let Registration { service, host, port, is_tls, labels, ttl, .. } = registration;
    let scheme = if *is_tls { "https" } else { "http" };
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    // A port of which there is none has a number all the same: that of its scheme.
    let own =
        |is_own: bool, usual: u16| json!({ "$": if is_own { *port } else { usual }, "@enabled": is_own.to_string() });
    let metadata: Map<String, Value> =
        labels.iter().map(|(key, value)| (key.to_string(), Value::from(&**value))).collect();
    let seconds = ttl.as_secs().max(1);
    json!({
        "instanceId": id,
        "app": service.to_uppercase(),
        "hostName": &**host,
        "ipAddr": &**host,
        "status": "UP",
        "overriddenstatus": "UNKNOWN",
        "port": own(!is_tls, 80),
        "securePort": own(*is_tls, 443),
        "countryId": 1,
        "dataCenterInfo": {
            "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
            "name": "MyOwn",
        },
        "leaseInfo": { "renewalIntervalInSecs": (seconds / 3).max(1), "durationInSecs": seconds },
        "metadata": metadata,
        "homePageUrl": format!("{scheme}://{authority}/"),
        "vipAddress": &**service,
        "secureVipAddress": &**service,
        "isCoordinatingDiscoveryServer": "false",
        "actionType": "ADDED",
    })
}

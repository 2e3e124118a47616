//! What clients of Eureka say.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::xml;
use crate::core::{Check, DataCenter, Dialect, EurekaWords, Instance, Key, Status};

/// What is kept as said.
const TEXTS: &[&str] = &[
    "appGroupName",
    "asgName",
    "countryId",
    "healthCheckUrl",
    "homePageUrl",
    "secureHealthCheckUrl",
    "secureVipAddress",
    "sid",
    "statusPageUrl",
    "vipAddress",
];

/// What a client means that says nothing of them, as Eureka has it.
const PORT: u16 = 7001;
const SECURE_PORT: u16 = 7002;
const LEASE: u64 = 90;
const RENEWAL: u64 = 30;

/// An instance that registers as one of the application `app`.
///
/// # Errors
/// In lower case, what is wrong.
pub(super) fn instance(body: &[u8], is_xml: bool, app: &str) -> Result<Instance, String> {
    let said = if is_xml { from_xml(body)? } else { from_json(body)? };
    let told_app = text(&said, "app").unwrap_or_else(|| app.into());
    if !told_app.eq_ignore_ascii_case(app) {
        let told_app = told_app.escape_debug();
        return Err(format!(
            "the instance says that its app is `{told_app}`, and the path says `{}`",
            app.escape_debug()
        ));
    }
    let ip_address = text(&said, "ipAddr").unwrap_or_default();
    let host_name = text(&said, "hostName").unwrap_or_else(|| ip_address.clone());
    let id = text(&said, "instanceId").unwrap_or_else(|| host_name.clone());
    let (port, secure_port) = (port(&said, "port", PORT, true)?, port(&said, "securePort", SECURE_PORT, false)?);
    let lease = said.get("leaseInfo").and_then(Value::as_object).cloned().unwrap_or_default();
    let ttl = number(&lease, "durationInSecs")?.unwrap_or(LEASE);
    let labels = strings(said.get("metadata"));
    let texts = TEXTS.iter().filter_map(|name| Some((Arc::from(*name), text(&said, name)?)));
    let words = EurekaWords {
        port,
        secure_port,
        texts: texts.collect(),
        data_center: data_center(&said),
        renewal_interval: number(&lease, "renewalIntervalInSecs")?.unwrap_or(RENEWAL),
        last_dirty: number(&said, "lastDirtyTimestamp")?.unwrap_or(0),
        host_name: host_name.clone(),
        ip_address: ip_address.clone(),
    };
    Ok(Instance {
        checks: vec![Check::lease(&id, Duration::from_secs(ttl))],
        key: Key::new(app, &id),
        // A name may mean something where the instance runs only.
        host: if ip_address.parse::<IpAddr>().is_ok() { ip_address } else { host_name },
        port: if !port.1 && secure_port.1 { secure_port.0 } else { port.0 },
        weight: labels.get("weight").and_then(|weight| weight.parse().ok()).unwrap_or(1),
        labels,
        tags: Vec::new(),
        status: text(&said, "status").map_or(Ok(Some(Status::Up)), |said| status(&said))?.unwrap_or(Status::Down),
        overridden: None,
        dialect: Dialect::Eureka,
        eureka: Some(Box::new(words)),
    })
}

/// A status as Eureka calls it; `None`: unknown, which where operators say it means nothing any more.
///
/// # Errors
/// It has no such status.
pub(super) fn status(text: &str) -> Result<Option<Status>, String> {
    match text.to_ascii_uppercase().as_str() {
        "UP" => Ok(Some(Status::Up)),
        "DOWN" => Ok(Some(Status::Down)),
        "STARTING" => Ok(Some(Status::Starting)),
        "OUT_OF_SERVICE" => Ok(Some(Status::Draining)),
        "UNKNOWN" => Ok(None),
        _ => Err(format!(
            "`{}` is no status; there are UP, DOWN, STARTING, OUT_OF_SERVICE and UNKNOWN",
            text.escape_debug()
        )),
    }
}

fn from_json(body: &[u8]) -> Result<Map<String, Value>, String> {
    let example = r#"{"instance":{"app":"ORDERS","hostName":"orders-1","ipAddr":"10.0.0.7","port":{"$":8080,"@enabled":"true"}}}"#;
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is no instance such as {example}: {error}"))?;
    match value.get("instance") {
        Some(Value::Object(instance)) => Ok(instance.clone()),
        _ => Err(format!("the body is no instance such as {example}")),
    }
}

fn from_xml(body: &[u8]) -> Result<Map<String, Value>, String> {
    match xml::read(body)? {
        (name, Value::Object(instance)) if name == "instance" => Ok(instance),
        (name, _) => {
            Err(format!("the body is `<{}>`, and not an `<instance>` with what it says of itself", name.escape_debug()))
        }
    }
}

/// `null` and nothing are no text; numbers are.
fn text(said: &Map<String, Value>, name: &str) -> Option<Arc<str>> {
    match said.get(name)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.as_str().into()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string().into()),
        _ => None,
    }
}

/// A number, which some clients put into quotes.
fn number(said: &Map<String, Value>, name: &str) -> Result<Option<u64>, String> {
    let Some(text) = text(said, name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("`{name}` is `{}` and no number", text.escape_debug()))
}

/// `{"$": 8080, "@enabled": "true"}`, or only a number.
fn port(said: &Map<String, Value>, name: &str, default: u16, is_enabled: bool) -> Result<(u16, bool), String> {
    let (said, name, is_enabled) = match said.get(name) {
        Some(Value::Object(port)) => {
            (port, "$", text(port, "@enabled").map_or(is_enabled, |enabled| enabled.eq_ignore_ascii_case("true")))
        }
        _ => (said, name, is_enabled),
    };
    let number = number(said, name)?.unwrap_or(default.into());
    Ok((u16::try_from(number).map_err(|_| format!("{number} is no port"))?, is_enabled))
}

fn strings(said: Option<&Value>) -> BTreeMap<Arc<str>, Arc<str>> {
    let said = said.and_then(Value::as_object);
    let fields = said.into_iter().flat_map(|said| said.iter().map(move |(name, _)| (name, said)));
    let named = fields.filter(|(name, _)| !name.starts_with(['@', '$']));
    named.map(|(name, said)| (name.as_str().into(), text(said, name).unwrap_or_default())).collect()
}

fn data_center(said: &Map<String, Value>) -> Option<DataCenter> {
    let said = said.get("dataCenterInfo")?.as_object()?;
    // In XML the class is an attribute that most clients leave out.
    let class = text(said, "@class").unwrap_or_else(|| super::write::MY_OWN.into());
    Some((class, text(said, "name").unwrap_or_else(|| "MyOwn".into()), strings(said.get("metadata"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPRING: &str = r#"{"instance":{"instanceId":"host:orders:8080","hostName":"orders-1.internal","app":"ORDERS",
        "ipAddr":"10.0.0.7","status":"STARTING","overriddenStatus":"UNKNOWN","port":{"$":8080,"@enabled":"true"},
        "securePort":{"$":443,"@enabled":"false"},"countryId":1,
        "dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},
        "leaseInfo":{"renewalIntervalInSecs":10,"durationInSecs":30},"metadata":{"management.port":"8080","weight":"3"},
        "homePageUrl":"http://orders-1.internal:8080/","vipAddress":"orders","asgName":null,"lastDirtyTimestamp":"1700000000000"}}"#;

    #[test]
    fn what_spring_says() {
        let instance = instance(SPRING.as_bytes(), false, "orders").unwrap();
        assert_eq!(instance.key, Key::new("orders", "host:orders:8080"));
        assert_eq!((&*instance.host, instance.port, instance.weight), ("10.0.0.7", 8080, 3));
        assert_eq!((instance.status, instance.ttl()), (Status::Starting, Some(Duration::from_secs(30))));
        assert_eq!(&*instance.labels["management.port"], "8080");
        let words = instance.eureka.unwrap();
        assert_eq!((words.last_dirty, words.renewal_interval), (1_700_000_000_000, 10));
        assert_eq!(words.texts.get("asgName"), None);
    }

    #[test]
    fn xml_says_the_same() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?><instance><instanceId>host:orders:8080</instanceId>
            <hostName>orders-1.internal</hostName><app>ORDERS</app><ipAddr>10.0.0.7</ipAddr><status>STARTING</status>
            <overriddenstatus>UNKNOWN</overriddenstatus><port enabled="true">8080</port>
            <securePort enabled="false">443</securePort><countryId>1</countryId>
            <dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"><name>MyOwn</name></dataCenterInfo>
            <leaseInfo><renewalIntervalInSecs>10</renewalIntervalInSecs><durationInSecs>30</durationInSecs></leaseInfo>
            <metadata><management.port>8080</management.port><weight>3</weight></metadata>
            <homePageUrl>http://orders-1.internal:8080/</homePageUrl><vipAddress>orders</vipAddress>
            <lastDirtyTimestamp>1700000000000</lastDirtyTimestamp></instance>"#;
        assert_eq!(instance(text.as_bytes(), true, "orders"), instance(SPRING.as_bytes(), false, "orders"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |text: &str, expected: &str| {
            let error = instance(text.as_bytes(), false, "orders").unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("{", "no instance such as");
        check("[]", "no instance such as");
        check(r#"{"instance":{"app":"users"}}"#, "its app is `users`");
        check(r#"{"instance":{"status":"GREAT"}}"#, "`GREAT` is no status");
        check(r#"{"instance":{"port":{"$":"http"}}}"#, "`http` and no number");
        check(r#"{"instance":{"port":65536}}"#, "65536 is no port");
    }
}

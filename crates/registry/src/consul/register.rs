//! A service that registers, with its checks.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;

use super::fields::Fields;
use crate::core::{Check, CheckKind, CheckStatus, Dialect, HeaderField, HttpProbe, Instance, Key, Probe, Status};

/// Of a probe that does not say.
const TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Kinds of checks that Consul has and this registry has not.
const OTHER_CHECKS: &[&str] = &[
    "args",
    "script",
    "dockercontainerid",
    "shell",
    "grpc",
    "h2ping",
    "udp",
    "aliasservice",
    "aliasnode",
    "osservice",
];

/// What a service says of itself; `peer` is where it says it from.
///
/// # Errors
/// In lower case, what is wrong.
pub(super) fn instance(body: &[u8], peer: IpAddr) -> Result<Instance, String> {
    let example = r#"{"Name":"orders","ID":"orders-1","Address":"10.0.0.7","Port":8080,"Check":{"TTL":"30s"}}"#;
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is no service such as {example}: {error}"))?;
    let said = Fields::of(&value, "the body")?;
    let name = said.text("name")?.ok_or_else(|| format!("the service has no `Name`; {example} has one"))?;
    if let Some(kind) = said.text("kind")?.filter(|kind| *kind != "typical") {
        return Err(format!("services of the kind `{}` are not known: this is no mesh", kind.escape_debug()));
    }
    let id = said.text("id")?.unwrap_or(name);
    let host: Arc<str> = match said.text("address")? {
        Some(address) => address.trim_start_matches('[').trim_end_matches(']').into(),
        // An agent would say its own; the service runs beside it.
        None => peer.to_canonical().to_string().into(),
    };
    let port = said.number("port")?.unwrap_or(0);
    let port = u16::try_from(port).map_err(|_| format!("{port} is no port"))?;
    let weights = said.get("weights").map(|weights| Fields::of(weights, "`Weights`")).transpose()?;
    let weight = weights.map(|weights| weights.number("passing")).transpose()?.flatten().unwrap_or(1);
    let one = said.get("check").into_iter();
    let several = match said.get("checks") {
        None => &[][..],
        Some(Value::Array(checks)) => checks.as_slice(),
        Some(_) => return Err("`Checks` is no list".to_owned()),
    };
    let mut described = Vec::new();
    for check in one.chain(several) {
        let fields = Fields::of(check, "a check")?;
        // Some clients send `{}` for none.
        if !fields.is_empty() {
            described.push(fields);
        }
    }
    let count = described.len();
    let checks = described.into_iter().enumerate().map(|(index, fields)| {
        let usual = if count == 1 { format!("service:{id}") } else { format!("service:{id}:{}", index + 1) };
        check(fields, &usual, name, &host)
    });
    Ok(Instance {
        key: Key::new(name, id),
        checks: checks.collect::<Result<_, _>>()?,
        host,
        port,
        weight: u32::try_from(weight).map_err(|_| format!("{weight} is no weight"))?,
        labels: said.map("meta")?,
        tags: said.texts("tags")?,
        status: Status::Up,
        overridden: None,
        dialect: Dialect::Consul,
        eureka: None,
    })
}

/// A check of a service, with this id unless it says another one; `host` is where the service is.
pub(super) fn check(said: Fields<'_>, usual_id: &str, service: &str, host: &str) -> Result<Check, String> {
    let id = said.text("checkid")?.map_or_else(|| said.text("id"), |id| Ok(Some(id)))?;
    let status = said.text("status")?.map_or(Ok(CheckStatus::Critical), status)?;
    Ok(Check {
        id: id.unwrap_or(usual_id).into(),
        name: said.text("name")?.map_or_else(|| format!("Service '{service}' check").into(), Arc::from),
        notes: said.text("notes")?.unwrap_or_default().into(),
        kind: kind(said, host)?,
        status,
        output: "".into(),
        remove_after: said.time("deregistercriticalserviceafter")?,
        ends: None,
        critical_since: None,
    })
}

/// A status as Consul calls it.
///
/// # Errors
/// It has no such status.
pub(super) fn status(text: &str) -> Result<CheckStatus, String> {
    let known = [CheckStatus::Passing, CheckStatus::Warning, CheckStatus::Critical];
    let found = known.into_iter().find(|status| status.name() == text);
    found.ok_or_else(|| format!("`{}` is no status; there are passing, warning and critical", text.escape_debug()))
}

fn kind(said: Fields<'_>, host: &str) -> Result<CheckKind, String> {
    let (ttl, http, tcp) = (said.time("ttl")?, said.text("http")?, said.text("tcp")?);
    if [ttl.is_some(), http.is_some(), tcp.is_some()].into_iter().filter(|is| *is).count() > 1 {
        return Err("a check has one of `TTL`, `HTTP` and `TCP`".to_owned());
    }
    if let Some(ttl) = ttl {
        return Ok(CheckKind::Ttl(ttl));
    }
    let (host_asked, port, http) = match (http, tcp) {
        (Some(url), _) => http_target(url, said)?,
        (_, Some(address)) => tcp_target(address)?,
        _ => {
            let other = OTHER_CHECKS.iter().find(|other| said.get(other).is_some());
            let other = other.map_or(String::new(), |other| format!(", and no `{other}`"));
            return Err(format!("a check has one of `TTL`, `HTTP` and `TCP`{other}"));
        }
    };
    if !is_same_host(&host_asked, host) {
        return Err(format!(
            "the check asks `{}`, and the service is at `{host}`: a service is asked for its own health only",
            host_asked.escape_debug()
        ));
    }
    let interval = said.time("interval")?.ok_or("a check that asks needs an `Interval`")?;
    let timeout = said.time("timeout")?.unwrap_or(TIMEOUT).min(LONGEST_TIMEOUT);
    Ok(CheckKind::Probe(Probe { host: host_asked.into(), port, http, interval, timeout }))
}

type Target = (String, u16, Option<HttpProbe>);

fn http_target(url: &str, said: Fields<'_>) -> Result<Target, String> {
    let wrong = || format!("`{}` is no address such as `http://10.0.0.7:8080/health`", url.escape_debug());
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err("checks over https are not made; use one with a `TTL`, or `TCP`".to_owned()),
        _ => return Err(wrong()),
    }
    let host = uri.host().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let method = said.text("method")?.unwrap_or("GET");
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS];
    if !known.iter().any(|known| known.as_str() == method) {
        return Err(format!(
            "a check asks with GET, HEAD, POST, PUT or OPTIONS, and not with `{}`",
            method.escape_debug()
        ));
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).into();
    Ok((host, uri.port_u16().unwrap_or(80), Some(HttpProbe { method: method.into(), path, headers: headers(said)? })))
}

/// `{"x-foo": ["bar", "baz"]}`
fn headers(said: Fields<'_>) -> Result<Vec<HeaderField>, String> {
    let Some(value) = said.get("header") else { return Ok(Vec::new()) };
    let wrong = || "`Header` is no object with lists of texts that a request could have".to_owned();
    let mut headers = Vec::new();
    for (name, values) in value.as_object().ok_or_else(wrong)? {
        for value in values.as_array().ok_or_else(wrong)? {
            let value = value.as_str().ok_or_else(wrong)?;
            if headers.len() == 32 || name.parse::<HeaderName>().is_err() || value.parse::<HeaderValue>().is_err() {
                return Err(wrong());
            }
            headers.push((name.as_str().into(), value.into()));
        }
    }
    Ok(headers)
}

fn tcp_target(address: &str) -> Result<Target, String> {
    let wrong = || format!("`{}` is no address such as `10.0.0.7:8080`", address.escape_debug());
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), port.parse().map_err(|_| wrong())?, None))
}

/// Whoever may register must not make the gateway ask around in its network.
fn is_same_host(asked: &str, host: &str) -> bool {
    let is_loopback =
        |host: &str| host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    asked.eq_ignore_ascii_case(host) || is_loopback(asked) && is_loopback(host)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(text: &str) -> Result<Instance, String> {
        instance(text.as_bytes(), Ipv4Addr::LOCALHOST.into())
    }

    #[test]
    fn what_clients_in_go_and_in_python_say() {
        let go = read(
            r#"{"ID":"orders-1","Name":"orders","Tags":["prod"],"Port":8080,"Address":"10.0.0.7","Meta":{"zone":"a"},
            "EnableTagOverride":false,"Weights":{"Passing":3,"Warning":1},"Connect":null,
            "Check":{"TTL":"15s","DeregisterCriticalServiceAfter":"1m30s"},"Checks":null}"#,
        );
        let python = read(
            r#"{"name":"orders","id":"orders-1","address":"10.0.0.7","port":8080,"tags":["prod"],"meta":{"zone":"a"},
            "weights":{"passing":3},"checks":[{"ttl":"15s","deregister_critical_service_after":"90s"}]}"#,
        );
        assert_eq!(go, python);
        let instance = go.unwrap();
        assert_eq!((&*instance.host, instance.port, instance.weight), ("10.0.0.7", 8080, 3));
        let [check] = instance.checks.as_slice() else { panic!("one check") };
        assert_eq!((&*check.id, check.status), ("service:orders-1", CheckStatus::Critical));
        assert_eq!(
            (check.kind.clone(), check.remove_after),
            (CheckKind::Ttl(Duration::from_secs(15)), Some(Duration::from_secs(90)))
        );
    }

    #[test]
    fn what_is_not_said() {
        let instance = read(r#"{"Name":"Orders","Port":80,"Check":{}}"#).unwrap();
        assert_eq!((instance.key, &*instance.host), (Key::new("orders", "Orders"), "127.0.0.1"));
        assert_eq!(instance.checks, []);
    }

    #[test]
    fn checks_that_ask() {
        let instance = read(
            // tidy-allow fixed-port: data, never bound
            r#"{"Name":"orders","Port":80,"Checks":[
            {"HTTP":"http://localhost:8081/health?full","Interval":"10s","Header":{"x-a":["b"]}},
            {"TCP":"127.0.0.1:80","Interval":"5s","Timeout":"1s","CheckID":"port"}]}"#,
        )
        .unwrap();
        let ids: Vec<&str> = instance.checks.iter().map(|check| &*check.id).collect();
        assert_eq!(ids, ["service:orders:1", "port"]);
        let CheckKind::Probe(probe) = &instance.checks[0].kind else { panic!("a probe") };
        let http = probe.http.as_ref().unwrap();
        assert_eq!((&*probe.host, probe.port, &*http.path, &*http.method), ("localhost", 8081, "/health?full", "GET"));
    }

    #[test]
    fn what_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("[]", "no JSON object");
        check("{", "no service such as");
        check("{}", "no `Name`");
        check(r#"{"Name":7}"#, "`name` is 7 and no text");
        check(r#"{"Name":"a","Port":65536}"#, "65536 is no port");
        check(r#"{"Name":"a","Kind":"connect-proxy"}"#, "this is no mesh");
        check(r#"{"Name":"a","Check":{"Args":["sh"]}}"#, "and no `args`");
        check(r#"{"Name":"a","Check":{"GRPC":"a:1"}}"#, "and no `grpc`");
        check(r#"{"Name":"a","Check":{"TTL":"1s","TCP":"a:1"}}"#, "one of `TTL`");
        check(r#"{"Name":"a","Check":{"TTL":"soon"}}"#, "no time such as");
        check(r#"{"Name":"a","Check":{"HTTP":"https://127.0.0.1/"}}"#, "over https");
        check(r#"{"Name":"a","Check":{"HTTP":"http://127.0.0.1/"}}"#, "needs an `Interval`");
        check(r#"{"Name":"a","Check":{"HTTP":"http://169.254.169.254/","Interval":"1s"}}"#, "its own health only");
        check(r#"{"Name":"a","Check":{"TTL":"1s","Status":"fine"}}"#, "`fine` is no status");
    }
}

//! What a table shows of each kind.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::kind::Kind;

/// Its title, and what stands there of a thing. Titles of numbers begin with `#`.
pub(super) type Column = (&'static str, fn(&Value) -> String);

const NAME: Column = ("NAME", |it| text(&it["name"]));
const OWNER: Column = ("OWNER", |it| match (it["owner"]["kind"].as_str(), it["owner"]["place"].as_str()) {
    (_, Some(place)) => place.to_owned(),
    (kind, None) => kind.unwrap_or_default().to_owned(),
});

// === impl Kind ===

impl Kind {
    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Listeners => &[
                NAME,
                ("ADDRESS", |it| text(&it["object"]["address"])),
                ("TLS", |it| if it["object"]["tls"].is_null() { String::new() } else { "yes".to_owned() }),
                OWNER,
            ],
            Self::Upstreams => &[
                NAME,
                ("ENDPOINTS", |it| found(&it["object"])),
                ("BALANCE", |it| word(&it["object"]["balance"])),
                ("PROTOCOL", |it| text(&it["object"]["protocol"])),
                OWNER,
            ],
            Self::Routes => &[
                NAME,
                ("HOSTS", |it| text(&it["object"]["match"]["hosts"])),
                ("PATH", |it| path(&it["object"]["match"]["path"])),
                ("METHODS", |it| text(&it["object"]["match"]["methods"])),
                ("GOES TO", |it| action(&it["object"])),
                OWNER,
            ],
            Self::Consumers => &[
                NAME,
                ("GROUPS", |it| text(&it["object"]["groups"])),
                ("#KEYS", |it| count(&it["object"]["credentials"])),
                OWNER,
            ],
            Self::Operators => &[
                NAME,
                ("ROLE", |it| text(&it["object"]["role"])),
                ("NOT AFTER", |it| text(&it["object"]["not_after"])),
                OWNER,
            ],
            Self::Endpoints => &[
                ("UPSTREAM", |it| text(&it["upstream"])),
                ("ADDRESS", |it| text(&it["address"])),
                ("#WEIGHT", |it| text(&it["weight"])),
                ("#TIER", |it| text(&it["tier"])),
                ("#IN FLIGHT", |it| text(&it["in_flight"])),
                ("HEALTH", |it| text(&it["health"]["state"])),
                ("LABELS", |it| text(&it["labels"])),
                ("ORDERED", |it| text(&it["order"])),
            ],
            Self::Services => &[
                ("SERVICE", |it| text(&it["service"])),
                ("REGISTRY", |it| text(&it["registry"])),
                ("UPSTREAMS", |it| text(&it["upstreams"])),
                ("#INSTANCES", |it| count(&it["instances"])),
                ("STATE", service),
                ("LAST SYNC", |it| text(&it["last_sync"])),
            ],
            Self::Breakers => &[
                ("ROUTE", |it| text(&it["route"])),
                ("UPSTREAM", |it| text(&it["upstream"])),
                ("ENDPOINT", |it| text(&it["endpoint"])),
                ("STATE", |it| text(&it["state"])),
                ("MODE", |it| text(&it["mode"])),
                ("#REFUSED", |it| text(&it["refused"])),
                ("REASON", |it| text(&it["reason"])),
            ],
            Self::Nodes => &[
                ("NAME", |it| format!("{}{}", text(&it["name"]), if it["is_self"] == true { " (asked)" } else { "" })),
                ("VERSION", |it| text(&it["version"])),
                ("#REVISION", |it| text(&it["revision"])),
                ("#BEHIND", |it| text(&it["skew"])),
                ("STARTED", |it| text(&it["started"])),
                ("NEEDS", needs),
            ],
            Self::Keys => &[
                ("ID", |it| text(&it["id"])),
                ("CREATED", |it| text(&it["created"])),
                ("NOT AFTER", |it| text(&it["not_after"])),
                ("LAST USED", |it| text(&it["last_used"])),
                ("STATE", |it| if it["expired"] == true { "expired".to_owned() } else { "good".to_owned() }),
            ],
            Self::Requests => &[
                ("TIME", |it| text(&it["time"])),
                ("STATUS", |it| text(&it["status"])),
                ("#MS", |it| it["duration_ms"].as_f64().map(|ms| format!("{ms:.1}")).unwrap_or_default()),
                ("METHOD", |it| text(&it["method"])),
                ("PATH", |it| text(&it["path"])),
                ("ROUTE", |it| text(&it["route"])),
                ("CAUSE", |it| text(&it["cause"])),
                ("ID", |it| text(if it["request_id"].is_null() { &it["id"] } else { &it["request_id"] })),
            ],
            Self::Revisions => &[
                ("#REVISION", |it| text(&it["number"])),
                ("TIME", |it| time(&it["time"])),
                ("AUTHOR", |it| text(&it["author"])),
                ("MESSAGE", |it| text(&it["message"])),
            ],
            Self::Audit => &[
                ("TIME", |it| text(&it["at"])),
                ("WHO", |it| text(&it["who"])),
                ("FROM", |it| text(&it["from"])),
                ("METHOD", |it| text(&it["method"])),
                ("PATH", |it| text(&it["path"])),
                ("STATUS", |it| text(&it["status"])),
                ("#REVISION", |it| text(&it["revision"])),
                ("WHY", |it| text(if it["denied"].is_null() { &it["message"] } else { &it["denied"] })),
            ],
        }
    }
}

/// Milliseconds since 1970, as people read it.
pub(crate) fn time(told: &Value) -> String {
    let Some(milliseconds) = told.as_u64() else { return String::new() };
    UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds)).map(telemetry::rfc3339).unwrap_or_default()
}

/// A value in a few words; nothing, if there is none.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(entries) => {
            let says = |(_, value): &(&String, &Value)| {
                !matches!(value, Value::Null | Value::Bool(false)) && **value != empty()
            };
            let pair = |(key, value): (&String, &Value)| match value {
                Value::Bool(true) => key.clone(),
                value => format!("{key}={}", text(value)),
            };
            entries.iter().filter(says).map(pair).collect::<Vec<_>>().join(", ")
        }
    }
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

fn count(list: &Value) -> String {
    list.as_array().map_or(0, Vec::len).to_string()
}

/// A word, or the one key of a map.
fn word(value: &Value) -> String {
    match value.as_object().and_then(|entries| entries.keys().next()) {
        Some(key) => key.clone(),
        None => text(value),
    }
}

/// A path of a route: as it is written, but for maps, whose key comes first.
fn path(written: &Value) -> String {
    match written.as_object().and_then(|entries| entries.iter().next()) {
        Some((kind, pattern)) => format!("{kind} {}", text(pattern)),
        None => text(written),
    }
}

/// What an upstream has endpoints of.
fn found(upstream: &Value) -> String {
    let Some((registry, asked)) = upstream["discovery"].as_object().and_then(|it| it.iter().next()) else {
        return count(&upstream["endpoints"]);
    };
    let keys = ["service", "app", "prefix", "name", "srv", "path"];
    let asked = keys.iter().map(|key| text(&asked[*key])).find(|text| !text.is_empty()).unwrap_or_else(|| text(asked));
    format!("{registry} {asked}")
}

/// What a route does.
fn action(route: &Value) -> String {
    let sides = |sides: &Value| {
        let side = |side: &Value| match &side["weight"] {
            Value::Null => text(&side["upstream"]),
            weight => format!("{} {weight}", text(&side["upstream"])),
        };
        sides.as_array().into_iter().flatten().map(side).collect::<Vec<_>>().join(", ")
    };
    let actions = ["upstream", "split", "versions", "redirect", "respond"];
    let Some(action) = actions.into_iter().find(|action| !route[*action].is_null()) else { return String::new() };
    let told = match action {
        "split" => sides(&route["split"]["to"]),
        "versions" => sides(&route["versions"]["known"]),
        "redirect" => text(&route["redirect"]["to"]),
        "respond" => text(&route["respond"]["status"]),
        _ => text(&route["upstream"]),
    };
    format!("{action} {told}").trim_end().to_owned()
}

/// How far what is known of a service can be trusted.
fn service(it: &Value) -> String {
    if !it["held"].is_null() {
        format!("held: {} instead of {}", text(&it["held"]["has"]), text(&it["held"]["had"]))
    } else if !it["failure"].is_null() {
        format!("failing: {}", text(&it["failure"]["kind"]))
    } else if it["stale"] == true {
        "stale".to_owned()
    } else {
        "good".to_owned()
    }
}

/// What a gateway needs, and how that is.
fn needs(node: &Value) -> String {
    let told = |it: &Value| format!("{} {}", text(&it["name"]), if it["ok"] == true { "good" } else { "bad" });
    node["dependencies"].as_array().into_iter().flatten().map(told).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(kind: Kind, objects: &[Value]) -> Vec<String> {
        let told = |object: &Value| json!({ "name": object["name"], "owner": { "kind": "api" }, "object": object });
        let told: Vec<_> = objects.iter().map(told).collect();
        kind.table(&told).to_string().lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn a_route_says_where_it_goes() {
        let lines = table(
            Kind::Routes,
            &[
                json!({ "name": "user", "match": { "path": "/users/{id}", "methods": ["GET", "HEAD"] }, "upstream": "users" }),
                json!({ "name": "canary", "match": { "hosts": ["a", "b"], "path": { "prefix": "/o" } },
                        "split": { "to": [{ "upstream": "one", "weight": 95 }, { "upstream": "other" }] } }),
                json!({ "name": "old", "redirect": { "to": "/new", "status": 308 } }),
                json!({ "name": "ping", "respond": { "status": 200 } }),
            ],
        );
        assert_eq!(
            lines,
            [
                "user    -      /users/{id}  GET, HEAD  upstream users       api",
                "canary  a, b   prefix /o    -          split one 95, other  api",
                "old     -      -            -          redirect /new        api",
                "ping    -      -            -          respond 200          api",
            ]
        );
    }

    #[test]
    fn an_upstream_says_who_is_asked() {
        let lines = table(
            Kind::Upstreams,
            &[
                // tidy-allow fixed-port: data, never bound
                json!({ "name": "a", "endpoints": ["127.0.0.1:1", "127.0.0.1:2"], "balance": { "consistent_hash": {} } }),
                json!({ "name": "b", "discovery": { "consul": { "tag": "prod", "service": "orders" } }, "balance": "random" }),
                json!({ "name": "c", "discovery": { "file": "instances.json" } }),
            ],
        );
        assert_eq!(
            lines,
            [
                "a     2                    consistent_hash  -         api",
                "b     consul orders        random           -         api",
                "c     file instances.json  -                -         api",
            ]
        );
    }

    #[test]
    fn orders_say_only_what_they_change() {
        let told = json!({ "address": "a", "weight": 0, "order": { "drain": true, "labels": {}, "weight": 3 } });
        let shown = Kind::Endpoints.table(&[told]).to_string();
        assert!(shown.ends_with("  drain, weight=3\n"), "{shown}");
    }

    #[test]
    fn times_are_told_as_everywhere() {
        assert_eq!(time(&json!(1_769_817_600_000_u64)), "2026-01-31T00:00:00.000Z");
        assert_eq!(time(&Value::Null), "");
    }
}

//! As clients of Consul ask.

use axum::{Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Running, start, within};

async fn register(running: &Running, body: &Value) {
    running.put("/v1/agent/service/register", &body.to_string()).await.expect(200, "");
}

/// The ids that `/v1/health/service/orders` names.
async fn ids(running: &Running, query: &str) -> Vec<String> {
    let told = running.get(&format!("/v1/health/service/orders{query}")).await.json();
    told.as_array().unwrap().iter().map(|entry| entry["Service"]["ID"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_service_registers_passes_and_goes() {
    let running = start().await;
    let body = json!({ "ID": "orders-1", "Name": "orders", "Tags": ["prod", "v2"], "Address": "10.0.0.7", "Port": 8080,
        "Meta": { "zone": "a" }, "Check": { "TTL": "30s", "DeregisterCriticalServiceAfter": "1m" } });
    register(&running, &body).await;
    assert_eq!(ids(&running, "").await, ["orders-1"]);
    assert_eq!(ids(&running, "?passing").await, [""; 0], "critical until it says that it passes");
    running.put("/v1/agent/check/pass/service:orders-1?note=fine", "").await.expect(200, "");

    let answer = running.get("/v1/health/service/orders?passing=1&tag=prod&tag=v2").await;
    assert!(answer.field("X-Consul-Index").parse::<u64>().unwrap() > 1);
    let entry = &answer.json()[0];
    assert_eq!((&entry["Service"]["Address"], &entry["Service"]["Port"]), (&json!("10.0.0.7"), &json!(8080)));
    assert_eq!(
        (&entry["Service"]["Tags"], &entry["Service"]["Meta"]),
        (&json!(["prod", "v2"]), &json!({ "zone": "a" }))
    );
    let check = &entry["Checks"][0];
    assert_eq!(
        (&check["CheckID"], &check["Status"], &check["Output"]),
        (&json!("service:orders-1"), &json!("passing"), &json!("fine"))
    );
    assert_eq!(ids(&running, "?tag=staging").await, [""; 0]);

    assert_eq!(running.get("/v1/agent/services").await.json()["orders-1"]["Service"], "orders");
    assert_eq!(running.get("/v1/agent/service/orders-1").await.json()["Port"], 8080);
    assert_eq!(running.get("/v1/agent/checks").await.json()["service:orders-1"]["Status"], "passing");
    assert_eq!(running.get("/v1/catalog/services").await.json(), json!({ "orders": ["prod", "v2"] }));
    assert_eq!(running.get("/v1/catalog/service/orders").await.json()[0]["ServiceAddress"], "10.0.0.7");
    assert_eq!(running.get("/v1/health/state/passing").await.json()[0]["ServiceID"], "orders-1");
    assert_eq!(running.get("/v1/health/state/critical").await.json(), json!([]));
    assert_eq!(running.get("/v1/health/checks/orders").await.json()[0]["Name"], "Service 'orders' check");
    assert_eq!(running.get("/v1/agent/self").await.json()["Config"]["NodeName"], "sluice");
    // tidy-allow fixed-port: data, never bound
    assert_eq!(running.get("/v1/status/leader").await.json(), "127.0.0.1:8300");

    running.put("/v1/agent/service/deregister/orders-1", "").await.expect(200, "");
    running.put("/v1/agent/service/deregister/orders-1", "").await.expect(404, "no service with the id `orders-1`");
    running.put("/v1/agent/check/pass/service:orders-1", "").await.expect(404, "register the service (again)");
    assert_eq!(running.get("/v1/catalog/services").await.json(), json!({}));
}

#[tokio::test]
async fn checks_say_how_an_instance_is() {
    let running = start().await;
    let checks =
        json!([{ "TTL": "30s", "Status": "passing" }, { "CheckID": "disk", "TTL": "30s", "Status": "passing" }]);
    register(&running, &json!({ "Name": "orders", "ID": "a", "Port": 1, "Checks": checks })).await;
    assert_eq!(ids(&running, "?passing").await, ["a"]);
    running.put("/v1/agent/check/warn/disk", "").await.expect(200, "");
    assert_eq!(ids(&running, "?passing").await, [""; 0]);
    assert_eq!(running.statuses("orders").await, [("a".to_owned(), "up".to_owned())], "a warning is one for people");
    running.put("/v1/agent/check/update/disk", r#"{"Status":"critical","Output":"full"}"#).await.expect(200, "");
    assert_eq!(running.statuses("orders").await, [("a".to_owned(), "down".to_owned())]);
    running.put("/v1/agent/check/update/disk", r#"{"Status":"great"}"#).await.expect(400, "`great` is no status");
    running.put("/v1/agent/check/deregister/disk", "").await.expect(200, "");
    assert_eq!(ids(&running, "?passing").await, ["a"]);
    let check = json!({ "Name": "later", "ServiceID": "a", "TTL": "30s" });
    running.put("/v1/agent/check/register", &check.to_string()).await.expect(200, "");
    assert_eq!(ids(&running, "?passing").await, [""; 0]);
    running.put("/v1/agent/check/pass/later", "").await.expect(200, "");
    assert_eq!(ids(&running, "?passing").await, ["a"]);
}

#[tokio::test]
async fn maintenance_is_for_operators_to_begin_and_to_end() {
    let running = start().await;
    register(&running, &json!({ "Name": "orders", "ID": "a", "Port": 1 })).await;
    running.put("/v1/agent/service/maintenance/a?enable=true&reason=why", "").await.expect(200, "");
    assert_eq!(running.statuses("orders").await, [("a".to_owned(), "draining".to_owned())]);
    let entry = &running.get("/v1/health/service/orders").await.json()[0];
    assert_eq!(entry["Checks"][0]["CheckID"], "_service_maintenance:a");
    running.put("/v1/agent/service/maintenance/a?enable=false", "").await.expect(200, "");
    assert_eq!(ids(&running, "?passing").await, ["a"]);
    running.put("/v1/agent/service/maintenance/a", "").await.expect(400, "`?enable=true`");
}

#[tokio::test]
async fn a_heartbeat_that_is_missed_is_critical_first_and_then_the_end() {
    let running = start().await;
    let check = json!({ "TTL": "1s", "Status": "passing", "DeregisterCriticalServiceAfter": "1s" });
    register(&running, &json!({ "Name": "orders", "ID": "a", "Port": 1, "Check": check })).await;
    let answer = running.get("/v1/health/service/orders").await;
    assert_eq!(answer.json()[0]["Checks"][0]["Status"], "passing");
    let wait =
        async |index: &str| within(running.get(&format!("/v1/health/service/orders?index={index}&wait=5m"))).await;
    let answer = wait(answer.field("X-Consul-Index")).await;
    assert_eq!(answer.json()[0]["Checks"][0]["Status"], "critical");
    assert_eq!(answer.json()[0]["Checks"][0]["Output"], "TTL expired");
    let answer = wait(answer.field("X-Consul-Index")).await;
    assert_eq!(answer.json(), json!([]));
}

#[tokio::test]
async fn an_id_is_one_services() {
    let running = start().await;
    register(&running, &json!({ "Name": "orders", "ID": "a", "Port": 1 })).await;
    register(&running, &json!({ "Name": "users", "ID": "a", "Port": 1 })).await;
    assert_eq!(running.get("/v1/catalog/services").await.json(), json!({ "users": [] }));
    running.register("shop", "b", 1).await;
    running.register("blog", "b", 1).await;
    running.put("/v1/agent/service/deregister/b", "").await.expect(409, "`b` is an id in several services: blog, shop");
}

#[tokio::test]
async fn the_registry_asks_who_wants_to_be_asked() {
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = service.local_addr().unwrap();
    let health = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(200));
    let told = health.clone();
    let app = Router::new().route(
        "/health",
        get(async move || StatusCode::from_u16(told.load(std::sync::atomic::Ordering::Relaxed)).unwrap()),
    );
    tokio::spawn(async move { axum::serve(service, app).await });
    let running = start().await;
    let http = json!({ "HTTP": format!("http://{address}/health"), "Interval": "1s" });
    let tcp = json!({ "TCP": address.to_string(), "Interval": "1s" });
    let body =
        json!({ "Name": "orders", "ID": "a", "Address": "127.0.0.1", "Port": address.port(), "Checks": [http, tcp] });
    register(&running, &body).await;
    let until = async |expected: &str| {
        let mut index = "0".to_owned();
        loop {
            let answer = within(running.get(&format!("/v1/health/service/orders?index={index}&wait=5m"))).await;
            index = answer.field("X-Consul-Index").to_owned();
            if running.statuses("orders").await == [("a".to_owned(), expected.to_owned())] {
                return answer;
            }
        }
    };
    until("up").await;
    health.store(500, std::sync::atomic::Ordering::Relaxed);
    let answer = until("down").await;
    assert!(answer.body.contains("500 Internal Server Error"), "{}", answer.body);

    let elsewhere = json!({ "HTTP": "http://10.0.0.1/health", "Interval": "1s" });
    let body = json!({ "Name": "orders", "Address": "127.0.0.1", "Port": 1, "Check": elsewhere });
    running.put("/v1/agent/service/register", &body.to_string()).await.expect(400, "its own health only");
    let body = json!({ "Name": "orders", "Port": 1, "Check": { "Args": ["true"], "Interval": "1s" } });
    running.put("/v1/agent/service/register", &body.to_string()).await.expect(400, "no `args`");
}

#[tokio::test]
async fn who_registered_otherwise_is_there_too() {
    let running = start().await;
    running.register("orders", "rest-1", 1).await;
    assert_eq!(ids(&running, "?passing").await, ["rest-1"]);
    running.put("/v1/agent/check/pass/service:rest-1", "").await.expect(200, "");
    running.put("/v1/agent/service/deregister/rest-1", "").await.expect(200, "");
    assert_eq!(ids(&running, "").await, [""; 0]);
    running.get("/v1/agent/services?filter=Service+%3D%3D+orders").await.expect(400, "`filter` are not understood");
}

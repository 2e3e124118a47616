//! Our own API.

use serde_json::json;

use crate::{start, within};

#[tokio::test]
async fn an_instance_comes_lives_changes_and_goes() {
    let running = start().await;
    let place = "/v1/services/Orders/instances/orders-1";
    let body = r#"{"address":"10.0.0.7:8080","ttl":"30s","weight":3,"zone":"a","labels":{"version":"v2"}}"#;
    let answer = running.put(place, body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.field("Content-Location"), "/v1/services/orders/instances/orders-1");
    let told = answer.json();
    assert_eq!(
        (&told["service"], &told["id"], &told["address"]),
        (&json!("orders"), &json!("orders-1"), &json!("10.0.0.7:8080"))
    );
    assert_eq!((&told["weight"], &told["ttl"], &told["status"]), (&json!(3), &json!("30s"), &json!("up")));
    assert_eq!(told["labels"], json!({ "version": "v2", "zone": "a" }));
    assert_eq!(running.put(place, body).await.status, 200, "once more");

    assert_eq!(running.put(&format!("{place}/heartbeat"), "").await.status, 204);
    let changed = running
        .ask("PATCH", place, "", r#"{"status":"draining","weight":1,"labels":{"version":null,"track":"canary"}}"#)
        .await
        .json();
    assert_eq!((&changed["status"], &changed["weight"]), (&json!("draining"), &json!(1)));
    assert_eq!(changed["labels"], json!({ "track": "canary", "zone": "a" }));
    let ordered = running.ask("PATCH", place, "", r#"{"override":"up"}"#).await.json();
    assert_eq!(
        (&ordered["status"], &ordered["said"], &ordered["override"]),
        (&json!("up"), &json!("draining"), &json!("up"))
    );
    let free = running.ask("PATCH", place, "", r#"{"override":null}"#).await.json();
    assert_eq!(free["status"], "draining");

    let services = running.get("/v1/services").await.json();
    assert_eq!(services["services"][0]["name"], "orders");
    assert_eq!((&services["services"][0]["instances"], &services["services"][0]["up"]), (&json!(1), &json!(0)));
    assert_eq!(running.get("/v1/services/orders?status=up").await.json()["instances"], json!([]));
    assert_eq!(running.get("/v1/services/orders/instances").await.json()["instances"].as_array().unwrap().len(), 1);

    assert_eq!(running.delete(place).await.status, 204);
    running.delete(place).await.expect_problem(404, "there is no instance `orders-1` of a service `orders`");
    running.get(place).await.expect_problem(404, "register it");
    running.put(&format!("{place}/heartbeat"), "").await.expect_problem(404, "register it (again)");
    assert_eq!(running.get("/v1/services").await.json()["services"], json!([]));
}

#[tokio::test]
async fn whoever_waits_hears_of_a_change() {
    let running = start().await;
    let seen = running.get("/v1/services/orders").await.json()["index"].as_u64().unwrap();
    let target = format!("/v1/services/orders?index={seen}&wait=10m");
    let (answer, ()) = tokio::join!(within(running.get(&target)), async {
        // Another service is no news for those who wait for this one.
        running.register("users", "a", 1).await;
        running.register("orders", "a", 1).await;
    });
    let told = answer.json();
    assert_eq!(told["instances"][0]["id"], "a");
    assert!(told["index"].as_u64().unwrap() > seen);

    let index = told["index"].as_u64().unwrap();
    let answer = within(running.get("/v1/services/orders?index=1&wait=10m")).await;
    assert_eq!(answer.json()["index"], index, "one that has seen something else is answered at once");
    let target = format!("/v1/services/orders?index={index}&wait=10m");
    let (answer, ()) = tokio::join!(within(running.get(&target)), async {
        running.delete("/v1/services/orders/instances/a").await;
    });
    assert_eq!(answer.json()["instances"], json!([]));
    let index = running.get("/v1/services").await.json()["index"].as_u64().unwrap();
    let late = within(running.get(&format!("/v1/services?index={index}&wait=50ms"))).await;
    assert_eq!(late.json()["index"], index, "nothing happened");
}

#[tokio::test]
async fn what_makes_no_sense_is_named() {
    let running = start().await;
    let refused = async |path: &str, body: &str, detail: &str| {
        running.put(&format!("/v1/services/{path}"), body).await.expect_problem(400, detail);
    };
    refused("a/instances/b", "", "the body is no registration such as {\"address\":").await;
    refused("a/instances/b", r#"{"adress":"10.0.0.7:80"}"#, "unknown field `adress`").await;
    refused("a/instances/b", r#"{"address":"10.0.0.7"}"#, "the address `10.0.0.7` is none such as").await;
    refused("a/instances/b", r#"{"address":"10.0.0.7:80","ttl":"soon"}"#, "the ttl `soon` is no time").await;
    refused("a/instances/b", r#"{"address":"10.0.0.7:80","ttl":"6m"}"#, "from 1s to 300s").await;
    refused("a/instances/b", r#"{"address":"10.0.0.7:80","zone":"a","labels":{"zone":"b"}}"#, "`zone` stands twice")
        .await;
    refused("a%20b/instances/b", r#"{"address":"10.0.0.7:80"}"#, "`a b` is no name of a service").await;
    running.get("/v1/services/a?status=great").await.expect_problem(400, "`great` is no status");
    running.get("/v1/services/a?index=x").await.expect_problem(400, "the index `x` is no number");
    assert_eq!(running.get("/v1/services").await.json()["services"], json!([]), "nothing was taken in by halves");
    running.register("a", "b", 1).await;
    running
        .ask("PATCH", "/v1/services/a/instances/b", "", r#"{"weight":-1}"#)
        .await
        .expect_problem(400, "no change such as");
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_ends() {
    let running = start().await;
    // tidy-allow fixed-port: data, never bound
    let body = r#"{"address":"127.0.0.1:1","ttl":"1s"}"#;
    assert_eq!(running.put("/v1/services/orders/instances/a", body).await.status, 201);
    let index = running.get("/v1/services/orders").await.json()["index"].as_u64().unwrap();
    let gone = within(running.get(&format!("/v1/services/orders?index={index}&wait=10m"))).await.json();
    assert_eq!(gone["instances"], json!([]));
}

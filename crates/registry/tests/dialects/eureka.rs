//! As clients of Eureka ask.

use serde_json::{Value, json};

use crate::{Running, start};

// tidy-allow fixed-port: data, never bound
const BODY: &str = r#"{"instance":{"instanceId":"host:orders:8080","hostName":"localhost","app":"ORDERS","ipAddr":"127.0.0.1",
    "status":"UP","overriddenstatus":"UNKNOWN","port":{"$":8080,"@enabled":"true"},"securePort":{"$":443,"@enabled":"false"},
    "countryId":1,"dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},
    "leaseInfo":{"renewalIntervalInSecs":10,"durationInSecs":30},"metadata":{"zone":"a"},"vipAddress":"orders,shop",
    "secureVipAddress":"orders","homePageUrl":"http://localhost:8080/","lastDirtyTimestamp":"1700000000000"}}"#;

async fn post(running: &Running, body: &str) -> u16 {
    let answer = running.ask("POST", "/eureka/apps/ORDERS", "content-type: application/json\r\n", body).await;
    answer.status
}

#[tokio::test]
async fn a_spring_service_registers_renews_and_goes() {
    let running = start().await;
    let place = "/eureka/apps/ORDERS/host:orders:8080";
    running
        .put(&format!("{place}?status=UP&lastDirtyTimestamp=1700000000000"), "")
        .await
        .expect_problem(404, "register it");
    assert_eq!(post(&running, BODY).await, 204);
    assert_eq!(running.put(&format!("{place}?status=UP&lastDirtyTimestamp=1700000000000"), "").await.status, 200);
    running.put(&format!("{place}?lastDirtyTimestamp=1700000000001"), "").await.expect_problem(404, "has changed");

    let told = running.get("/eureka/apps/").await.json();
    let apps = &told["applications"];
    assert_eq!((&apps["versions__delta"], &apps["apps__hashcode"]), (&json!("1"), &json!("UP_1_")));
    assert_eq!(apps["application"][0]["name"], "ORDERS");
    let instance = &apps["application"][0]["instance"][0];
    let said: Value = serde_json::from_str(BODY).unwrap();
    for field in [
        "instanceId",
        "hostName",
        "app",
        "ipAddr",
        "status",
        "overriddenstatus",
        "port",
        "securePort",
        "dataCenterInfo",
        "metadata",
        "vipAddress",
        "secureVipAddress",
        "homePageUrl",
        "lastDirtyTimestamp",
    ] {
        assert_eq!(instance[field], said["instance"][field], "{field}");
    }
    assert_eq!(instance["leaseInfo"]["durationInSecs"], 30);
    assert_eq!(instance["actionType"], "ADDED");
    let one = running.get(place).await.json();
    assert_eq!(&one["instance"], instance);
    assert_eq!(running.get("/eureka/instances/host:orders:8080").await.json(), one);
    assert_eq!(running.get("/eureka/v2/apps/orders").await.json()["application"]["instance"][0], *instance);
    for vip in ["/eureka/vips/shop", "/eureka/svips/orders"] {
        assert_eq!(running.get(vip).await.json()["applications"]["application"][0]["instance"][0], *instance, "{vip}");
    }
    running.get("/eureka/vips/nobody").await.expect_problem(404, "`nobody`");
    running.get("/eureka/apps/USERS").await.expect_problem(404, "no application `USERS`");

    assert_eq!(running.delete(place).await.status, 200);
    running.delete(place).await.expect_problem(404, "no instance");
    assert_eq!(running.get("/eureka/apps").await.json()["applications"]["apps__hashcode"], "");
}

#[tokio::test]
async fn operators_take_an_instance_out_of_service_and_back() {
    let running = start().await;
    let place = "/eureka/apps/ORDERS/host:orders:8080";
    assert_eq!(post(&running, BODY).await, 204);
    assert_eq!(running.put(&format!("{place}/status?value=OUT_OF_SERVICE"), "").await.status, 200);
    let told = running.get(place).await.json();
    assert_eq!(
        (&told["instance"]["status"], &told["instance"]["overriddenstatus"]),
        (&json!("OUT_OF_SERVICE"), &json!("OUT_OF_SERVICE"))
    );
    assert_eq!(post(&running, BODY).await, 204);
    assert_eq!(
        running.statuses("orders").await,
        [("host:orders:8080".to_owned(), "draining".to_owned())],
        "it still holds"
    );
    assert_eq!(running.delete(&format!("{place}/status?value=UP")).await.status, 200);
    let told = running.get(place).await.json();
    assert_eq!((&told["instance"]["status"], &told["instance"]["overriddenstatus"]), (&json!("UP"), &json!("UNKNOWN")));
    running.put(&format!("{place}/status?value=GREAT"), "").await.expect_problem(400, "`GREAT` is no status");
    assert_eq!(running.put(&format!("{place}/metadata?track=canary&weight=4"), "").await.status, 200);
    let told = running.get("/v1/services/orders").await.json();
    assert_eq!(told["instances"][0]["labels"], json!({ "track": "canary", "weight": "4", "zone": "a" }));
    assert_eq!(told["instances"][0]["weight"], 4);
}

#[tokio::test]
async fn differences_come_to_the_same_as_everything() {
    let running = start().await;
    running.register("users", "a", 1).await;
    running.register("users", "b", 1).await;
    running.delete("/v1/services/users/instances/a").await;
    assert_eq!(post(&running, BODY).await, 204);
    let told = running.get("/eureka/apps/delta").await.json();
    let all = running.get("/eureka/apps").await.json();
    assert_eq!(told["applications"]["apps__hashcode"], all["applications"]["apps__hashcode"]);
    let mut actions = Vec::new();
    for app in told["applications"]["application"].as_array().unwrap() {
        for instance in app["instance"].as_array().unwrap() {
            actions.push((
                instance["instanceId"].as_str().unwrap().to_owned(),
                instance["actionType"].as_str().unwrap().to_owned(),
            ));
        }
    }
    let expected = [("host:orders:8080", "ADDED"), ("a", "ADDED"), ("b", "ADDED"), ("a", "DELETED")];
    assert_eq!(actions, expected.map(|(id, action)| (id.to_owned(), action.to_owned())));
}

#[tokio::test]
async fn xml_is_what_a_client_gets_that_does_not_ask_for_json() {
    let running = start().await;
    let body = "<instance><hostName>localhost</hostName><app>ORDERS</app><ipAddr>127.0.0.1</ipAddr><status>UP</status>\
                <port enabled=\"true\">8080</port><metadata><note>a &amp; b</note></metadata></instance>";
    let answer = running.ask("POST", "/eureka/apps/orders", "content-type: application/xml\r\n", body).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let answer = running.ask("GET", "/eureka/apps/", "accept: */*\r\n", "").await;
    assert_eq!(answer.field("Content-Type"), "application/xml");
    for part in [
        "<apps__hashcode>UP_1_</apps__hashcode>",
        "<port enabled=\"true\">8080</port>",
        "<securePort enabled=\"false\">7002</securePort>",
        "<instanceId>localhost</instanceId>",
        "<note>a &amp; b</note>",
        "<dataCenterInfo class=\"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo\"><name>MyOwn</name></dataCenterInfo>",
        "<versions__delta>1</versions__delta>",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><instance>&b;</instance>";
    running
        .ask("POST", "/eureka/apps/orders", "content-type: application/xml\r\n", bomb)
        .await
        .expect_problem(400, "DOCTYPE");
}

#[tokio::test]
async fn who_registered_otherwise_is_there_too() {
    let running = start().await;
    running.register("users", "users-1", 9000).await;
    let told = running.get("/eureka/apps/USERS/users-1").await.json();
    let instance = &told["instance"];
    assert_eq!((&instance["hostName"], &instance["port"]["$"]), (&json!("127.0.0.1"), &json!(9000)));
    assert_eq!((&instance["vipAddress"], &instance["metadata"]["zone"]), (&json!("users"), &json!("a")));
    assert_eq!(running.put("/eureka/apps/USERS/users-1", "").await.status, 200, "and may renew here");
}

//! Orders about endpoints that the document writes.

use std::{collections::BTreeSet, path::Path};

use http::Method;
use serde_json::{Value, json};
use testkit::{
    client::{Answer, Client},
    gateway::{Process, Settings},
    origin::Origin,
};

use crate::asking::Operator;

const TOKEN: &str = "an-admin-token-for-tests-of-endpoints";

fn gateway(document: &str, state: &Path) -> Settings {
    Process::with(document).argument("--state").argument(state).env("SLUICE_ADMIN_TOKEN", TOKEN)
}

fn document(origins: &[&Origin], priority: i32) -> String {
    let endpoints: Vec<_> = origins.iter().map(|origin| format!("\"{}\"", origin.address)).collect();
    format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: users, endpoints: [{}] }}]\n\
         routes: [{{ name: users, priority: {priority}, upstream: users }}]\n",
        endpoints.join(", ")
    )
}

async fn operate(gateway: &Process, method: Method, path: &str, content: &Value) -> Answer {
    Operator::with(gateway, TOKEN).ask(method, &format!("/upstreams/users/endpoints{path}"), content).await
}

async fn order(gateway: &Process, origin: &Origin, order: Value) -> Value {
    let answer = operate(gateway, Method::PATCH, &format!("/{}", origin.address), &order).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Who answers, of as many requests as meet everybody: what is ordered is so at once for requests that come after it.
async fn answering(gateway: &Process) -> BTreeSet<String> {
    let mut client = Client::http1(gateway.address("web")).await;
    let mut answered = BTreeSet::new();
    for _ in 0..12 {
        answered.insert(client.get("/").await.text().to_owned());
    }
    answered
}

#[tokio::test]
async fn an_endpoint_that_the_document_writes_drains_and_comes_back() {
    let (one, other) = (Origin::text("one").await, Origin::text("other").await);
    let state = tempfile::tempdir().unwrap();
    let who = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let gateway_before = gateway(&document(&[&one, &other], 0), state.path()).start().await;
    assert_eq!(answering(&gateway_before).await, who(&["one", "other"]));

    let told = order(&gateway_before, &one, json!({ "drain": true })).await;
    assert_eq!((&told["weight"], &told["order"]["drain"]), (&0.into(), &true.into()));
    assert_eq!(answering(&gateway_before).await, who(&["other"]));
    gateway_before.reload_and_wait(&document(&[&one, &other], 1)).await;
    assert_eq!(answering(&gateway_before).await, who(&["other"]), "whatever the document says anew");
    drop(gateway_before);

    let gateway = gateway(&document(&[&one, &other], 1), state.path()).start().await;
    assert_eq!(answering(&gateway).await, who(&["other"]), "also after a restart");
    let all = operate(&gateway, Method::GET, "", &Value::Null).await.json();
    let weights: Vec<_> = all["endpoints"].as_array().unwrap().iter().map(|endpoint| &endpoint["weight"]).collect();
    assert_eq!(weights, [0, 1]);
    let told = order(&gateway, &one, json!({ "weight": 3, "labels": { "zone": "a" } })).await;
    assert_eq!((&told["weight"], &told["labels"]["zone"]), (&0.into(), &"a".into()), "it drains still");
    let told = order(&gateway, &one, json!({ "drain": false })).await;
    assert_eq!(told["weight"], 3);
    let told = order(&gateway, &one, json!({ "clear": true })).await;
    assert_eq!((&told["weight"], &told["order"], &told["labels"]), (&1.into(), &Value::Null, &json!({})));
    assert_eq!(answering(&gateway).await, who(&["one", "other"]));

    // tidy-allow fixed-port: data, never bound
    let stranger = operate(&gateway, Method::PATCH, "/127.0.0.1:1", &json!({ "drain": true })).await;
    assert_eq!(stranger.status, 404);
    assert!(stranger.text().contains(&one.address.to_string()), "{}", stranger.text());
}

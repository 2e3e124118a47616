//! How documents are changed over the admin address, asked with bytes, of a gateway that keeps JSON and checks little.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;
/// Keys of consumers.
mod keys;

use std::collections::BTreeSet;

use admin::Gateway;
use revisions::edit::List;
use serde_json::{Value, json};
use snapshot::ObjectTold;

use fake::{OURS_NOT, field, start};

#[tokio::test]
async fn an_object_lives_and_dies() {
    let running = start().await;
    // tidy-allow fixed-port: data, never bound
    let made = running.ask("POST", "/upstreams?message=first", r#"{"name":"a","endpoints":["127.0.0.1:1"]}"#).await;
    let made = made.expect(201);
    assert_eq!(made.field("location"), Some("/api/v1/upstreams/a"));
    let revision = json!({ "number": 1, "time": 1_700_000_000_001_u64, "author": "admin", "message": "first" });
    assert_eq!((&made.json()["revision"], &made.json()["generation"]), (&revision, &3.into()));
    assert_eq!(made.json()["warnings"][0]["hint"], "take it out");
    assert!(made.json().get("diff").is_none());

    let there = running.get("/upstreams/a").await.expect(200);
    assert_eq!(there.field("etag"), made.field("etag"), "a writer knows the tag of what it wrote");
    let told = there.json();
    assert_eq!((&told["name"], &told["owner"]), (&"a".into(), &json!({ "kind": "api" })));
    // tidy-allow fixed-port: data, never bound
    assert_eq!(told["object"], json!({ "name": "a", "endpoints": ["127.0.0.1:1"] }));
    assert_eq!(told["status"]["endpoints"].as_array().unwrap().len(), 1, "those of others are not told");
    assert_eq!(format!("\"{}\"", told["tag"].as_str().unwrap()), there.field("etag").unwrap());

    // tidy-allow fixed-port: data, never bound
    running.ask("PUT", "/upstreams/a?diff", r#"{"endpoints":["127.0.0.1:2"]}"#).await.expect(200);
    running.ask("PATCH", "/upstreams/a", r#"{"balance":"random","endpoints":null}"#).await.expect(200);
    let told = running.get("/upstreams/a").await.expect(200).json();
    assert_eq!(told["object"], json!({ "name": "a", "balance": "random" }));
    let put = running.ask("PUT", "/upstreams/a%20b", "{}").await.expect(201);
    assert_eq!(put.field("location"), Some("/api/v1/upstreams/a%20b"));

    running.ask("DELETE", "/upstreams/a", "").await.expect(200);
    running.get("/upstreams/a").await.expect(404).says("there is no upstream `a`");
    running.ask("DELETE", "/upstreams/a", "").await.expect(404);
    assert_eq!(running.gateway.number(), 5);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_says_why() {
    let running = start().await;
    running.ask("POST", "/routes", r#"{"name":"orders"}"#).await.expect(201);
    running.ask("POST", "/routes", r#"{"name":"orders"}"#).await.expect(409).says("there is a route `orders` already");
    running.get("/routes/order").await.expect(404).says("did you mean `orders`?");
    running.ask("PATCH", "/routes/order", "{}").await.expect(404).says("did you mean `orders`?");
    let refused = running.ask("PATCH", &format!("/routes/{OURS_NOT}"), "{}").await.expect(409).says("sluice.yaml:3:5");
    assert_eq!(refused.json()["owner"]["kind"], "file");
    let refused = running.ask("PUT", "/routes/a", r#"{"match":"no good"}"#).await.expect(422);
    let problem = json!({
        "severity": "error", "path": "routes[a].match", "place": null, "message": "it is no good", "hint": "take it out"
    });
    assert_eq!(refused.json()["problems"], json!([problem]));
    let refused = running.ask("POST", "/routes", "{}").await.expect(422).says("a new route needs a `name`");
    assert_eq!(refused.json()["problems"][0]["path"], "routes.name");
    let refused = running.ask("PUT", "/routes/orders", r#"{"name":"b"}"#).await.expect(422);
    assert_eq!(refused.json()["problems"][0]["path"], "routes[orders].name");
    running.ask("POST", "/routes", r#"{"name":"a/b"}"#).await.expect(422).says("cannot be part of an address");
    assert_eq!(running.gateway.number(), 1, "nothing of that was kept");
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    let running = start().await;
    let told = running.ask("POST", "/routes?dry_run", r#"{"name":"a"}"#).await.expect(200);
    assert_eq!((told.field("location"), told.field("etag")), (None, None));
    assert!(told.json()["revision"].is_null() && told.json()["diff"].is_object(), "{}", told.body);
    running.ask("PUT", "/routes/a?dry_run=true", "{}").await.expect(200);
    running.ask("PUT", "/routes/a?dry_run", r#"{"a":"no good"}"#).await.expect(422);
    running.ask("PUT", "/config?dry_run", "{}").await.expect(200);
    running.get("/routes/a").await.expect(404);
    assert_eq!(running.gateway.number(), 0);
}

#[tokio::test]
async fn nobody_writes_over_what_they_have_not_seen() {
    let running = start().await;
    let make = running.ask_with("PUT", "/routes/a", &field("if-none-match", "*"), r#"{"n":1}"#).await.expect(201);
    let first = make.field("etag").unwrap().to_owned();
    running.ask_with("PUT", "/routes/a", &field("if-none-match", "*"), r#"{"n":2}"#).await.expect(412);
    let put = running.ask_with("PUT", "/routes/a", &field("if-match", &first), r#"{"n":3}"#).await.expect(200);
    let second = put.field("etag").unwrap().to_owned();
    for (method, body) in [("PUT", r#"{"n":4}"#), ("PATCH", r#"{"n":4}"#), ("DELETE", "")] {
        for seen in [&*first, "\"\"", &format!("W/{second}"), &format!("{first}, \"x\"")] {
            running.ask_with(method, "/routes/a", &field("if-match", seen), body).await.expect(412);
        }
        running.ask_with(method, "/routes/b", &field("if-match", "*"), body).await.expect(412);
        running.ask_with(method, "/routes/a", &field("if-match", "1"), body).await.expect(400).says("in quotes");
    }
    assert_eq!(running.get("/routes/a").await.json()["object"]["n"], 3);
    let several = format!("{first}, {second}");
    running.ask_with("PATCH", "/routes/a", &field("if-match", &several), r#"{"n":5}"#).await.expect(200);
    running.ask_with("PATCH", "/routes/a", &field("if-match", "*"), r#"{"n":6}"#).await.expect(200);
    running.ask_with("PATCH", "/routes/a", &field("if-none-match", &second), r#"{"n":7}"#).await.expect(400);

    let there = running.get("/routes/a").await;
    let tag = there.field("etag").unwrap();
    let same = running.ask_with("GET", "/routes/a", &format!("if-none-match: {tag}\r\n"), "").await;
    assert_eq!((same.status, &*same.body, same.field("etag")), (304, "", Some(tag)));
    running.ask_with("GET", "/routes/a", &format!("if-none-match: {second}\r\n"), "").await.expect(200);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let running = start().await;
    for name in ["c", "a", "b"] {
        let object = format!(r#"{{"name":"{name}","match":{{"hosts":["{name}.Example.org"]}}}}"#);
        running.ask("POST", "/routes", &object).await.expect(201);
    }
    let names = async |path: &str| {
        let page = running.get(path).await.expect(200).json();
        let items = page["items"].as_array().unwrap().iter();
        let names: Vec<String> = items.map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), page["next"].as_str().map(str::to_owned), page["total"].as_u64().unwrap())
    };
    assert_eq!(names("/routes").await, ("from-file c a b".to_owned(), None, 4));
    assert_eq!(names("/routes?limit=3").await, ("from-file c a".to_owned(), Some("a".to_owned()), 4));
    assert_eq!(names("/routes?limit=3&after=a").await, ("b".to_owned(), None, 4));
    assert_eq!(names("/routes?q=B.EXAMPLE").await, ("b".to_owned(), None, 1));
    assert_eq!(names("/routes?owner=api&limit=2").await, ("c a".to_owned(), Some("a".to_owned()), 3));
    assert_eq!(names("/routes?owner=file").await.0, OURS_NOT);
    assert_eq!(names("/consumers").await, (String::new(), None, 0));
    assert_eq!(running.get("/routes").await.json()["revision"], 3);
    running.get("/routes?limit=0").await.expect(400).says("`limit` is a number from 1 to 100000, not `0`");
    running.get("/routes?after=x").await.expect(400).says("begin again");
    running.get("/routes?ownr=api").await.expect(400).says("did you mean `owner`?");
    running.get("/routes/a?limit=1").await.expect(400).says("none at all here");
}

#[tokio::test]
async fn the_whole_document_is_read_and_replaced() {
    let running = start().await;
    let all = running.get("/config").await.expect(200);
    assert_eq!((all.field("etag"), &all.json()["routes"][0]["name"]), (Some("\"0\""), &OURS_NOT.into()));
    assert_eq!(running.get("/config?only=api").await.json(), json!({ "version": 1 }));
    let document = json!({ "version": 1, "routes": [{ "name": "a" }] }).to_string();
    let put = |fields: String| running.ask_with("PUT", "/config", Box::leak(fields.into_boxed_str()), &document);
    put(field("if-match", "\"1\"")).await.expect(412).says("the newest revision is 0");
    put(field("if-match", "*")).await.expect(412);
    put(field("if-none-match", "*")).await.expect(200);
    put(field("if-none-match", "*")).await.expect(412);
    put(field("if-match", "\"1\"")).await.expect(200);
    put(field("if-match", "\"one\"")).await.expect(412);
    let ours = running.get("/config?only=api").await;
    assert_eq!((ours.field("etag"), ours.json()), (Some("\"2\""), serde_json::from_str(&document).unwrap()));
    running.ask_with("GET", "/config", "if-none-match: \"2\"\r\n", "").await.expect(304);
    running.get("/config?only=file").await.expect(400).says("`only` is `api`");
    let long = format!(r#"{{"version":1,"a":"{}"}}"#, "x".repeat(1 << 20));
    running.ask("PUT", "/config", &long).await.expect(200);
    running.ask("PUT", "/routes/a", &long).await.expect(413).says("at most 65536 bytes");
}

#[tokio::test]
async fn a_transaction_is_whole_or_nothing() {
    let running = start().await;
    let good = json!({ "message": "two at once", "edits": [
        { "do": "create", "list": "upstreams", "object": { "name": "u" } },
        { "do": "put", "list": "routes", "name": "r", "object": { "upstream": "u" } },
        { "do": "patch_gateway", "patch": { "workers": 2 } },
    ] });
    let told = running.ask("POST", "/transactions", &good.to_string()).await.expect(200).json();
    assert_eq!((&told["revision"]["number"], &told["revision"]["message"]), (&1.into(), &"two at once".into()));
    let half = json!({ "edits": [
        { "do": "delete", "list": "routes", "name": "r" },
        { "do": "delete", "list": "upstreams", "name": "v" },
    ] });
    let refused = running.ask("POST", "/transactions", &half.to_string()).await.expect(404).says("no upstream `v`");
    assert_eq!(refused.json()["edit"], 1);
    running.get("/routes/r").await.expect(200);
    for (body, says) in [
        (r#"{"edits":[{"do":"delete","list":"routes","name":"r"},{"do":"delte"}]}"#, "`edits[1].do`"),
        (r#"{"edits":[{"do":"delte","list":"routes","name":"r"}]}"#, "did you mean `delete`?"),
        (r#"{"edits":[{"do":"delete","list":"route","name":"r"}]}"#, "did you mean `routes`?"),
        (r#"{"edits":[{"do":"delete","list":"routes","nmae":"r"}]}"#, "did you mean `name`?"),
        (r#"{"edist":[]}"#, "did you mean `edits`?"),
        (
            r#"{"edits":[{"do":"create","list":"routes","object":{"name":"x","name":"y"}}]}"#,
            "`edits[0].object.name` is given twice",
        ),
        ("[]", "no transaction such as {"),
    ] {
        running.ask("POST", "/transactions", body).await.expect(400).says(says);
    }
    running.ask("POST", "/transactions", r#"{"edits":[]}"#).await.expect(422).says("nothing to do");
    running.ask("POST", "/transactions?message=a", &good.to_string()).await.expect(400).says("in the body");
    running.ask_with("POST", "/transactions", &field("if-match", "\"0\""), &half.to_string()).await.expect(412);
    assert_eq!(running.gateway.number(), 1);
}

#[tokio::test]
async fn what_was_is_remembered_and_comes_back() {
    let running = start().await;
    for name in ["a", "b", "c"] {
        running
            .ask("POST", &format!("/routes?message=add+{name}"), &format!(r#"{{"name":"{name}"}}"#))
            .await
            .expect(201);
    }
    let page = running.get("/revisions?limit=2").await.expect(200);
    let told = page.json();
    assert_eq!((page.field("etag"), &told["next"]), (Some("\"3\""), &2.into()));
    assert_eq!((&told["items"][0]["number"], &told["items"][0]["message"]), (&3.into(), &"add c".into()));
    let told = running.get("/revisions?limit=2&before=2").await.json();
    assert_eq!((told["items"].as_array().unwrap().len(), &told["next"]), (1, &Value::Null));

    let told = running.get("/revisions/1").await.expect(200).json();
    assert_eq!((&told["number"], &told["document"]["routes"]), (&1.into(), &json!([{ "name": "a" }])));
    assert_eq!(running.get("/revisions/1/diff?to=2").await.expect(200).json()["same"], false);
    assert_eq!(running.get("/revisions/3/diff").await.expect(200).json()["same"], true, "to the newest");
    running.ask_with("GET", "/revisions/1", "if-none-match: \"1\"\r\n", "").await.expect(304);
    for path in ["/revisions/9", "/revisions/0", "/revisions/01", "/revisions/x", "/revisions/1/diff?to=9"] {
        running.get(path).await.expect(404);
    }

    let back = running.ask_with("POST", "/revisions/1/rollback", "", "").await.expect(200).json();
    assert_eq!((&back["revision"]["number"], &back["revision"]["message"]), (&4.into(), &"back to revision 1".into()));
    assert_eq!(running.get("/revisions/1/diff").await.json()["same"], true);
    running.ask_with("POST", "/revisions/2/rollback", "if-match: \"3\"\r\n", "").await.expect(412);
    running.ask_with("POST", "/revisions/9/rollback", "", "").await.expect(404);
    assert_eq!(running.gateway.number(), 4);
}

#[tokio::test]
async fn only_json_is_taken_and_only_if_it_means_one_thing() {
    let running = start().await;
    for kind in ["application/x-www-form-urlencoded", "json", "text/json", ""] {
        let fields = format!("content-type: {kind}\r\n");
        running.ask_with("POST", "/routes", &fields, r#"{"name":"a"}"#).await.expect(415).says("application/json");
    }
    // What any page can send without asking first gets no further than the door.
    for kind in ["text/plain", "multipart/form-data; boundary=a"] {
        let fields = format!("content-type: {kind}\r\n");
        running.ask_with("POST", "/explain", &fields, r#"{"url":"/"}"#).await.expect(403).says("application/json");
    }
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    running.ask_with("POST", "/explain", form, r#"{"url":"/"}"#).await.expect(422).says("no listener");
    for (body, says) in [
        ("", "EOF"),
        ("name: a", "expected"),
        ("[]", "expected a map"),
        (r#"{"name":"a","match":{"path":"/a","path":"/b"}}"#, "the key `match.path` is given twice"),
        (r#"{"name":"a","na\u006de":"b"}"#, "the key `name` is given twice"),
        (&format!("{{\"a\":{}", "[".repeat(5_000)), "nested more than 64 deep"),
    ] {
        running.ask("POST", "/routes", body).await.expect(400).says(says);
    }
    let merge = "content-type: Application/Merge-Patch+JSON; charset=utf-8\r\n";
    running.ask("POST", "/routes", r#"{"name":"a"}"#).await.expect(201);
    running.ask_with("PATCH", "/routes/a", merge, "{}").await.expect(200);
    let long = format!("/routes/a?message={}", "m".repeat(1025));
    running.ask("PATCH", &long, "{}").await.expect(400).says("`message` has at most 1024 bytes");
}

#[tokio::test]
async fn an_id_has_one_spelling() {
    let running = start().await;
    running.ask("POST", "/routes", r#"{"name":"admin"}"#).await.expect(201);
    for id in ["%61%64min", "admin"] {
        assert_eq!(running.get(&format!("/routes/{id}")).await.expect(200).json()["name"], "admin");
    }
    running.get("/routes/Admin").await.expect(404);
    running.get("/routes/%41dmin").await.expect(404);
    for method in ["GET", "PUT", "PATCH", "DELETE", "POST", "OPTIONS", "QUERY"] {
        for id in [
            "a%2fb",
            "a%2Fadmin",
            "..%2fadmin",
            "%2e%2e",
            "..",
            ".",
            "admin%00",
            "a%0ab",
            "%2561dmin",
            "a%25",
            "%zz",
            "%",
            "admin/",
            "",
        ] {
            running.ask(method, &format!("/routes/{id}"), "{}").await.expect(404);
        }
    }
    for path in ["/Routes", "/%72outes", "/routes%2fadmin", "//routes", "/routes//admin", "/./routes"] {
        running.get(path).await.expect(404);
    }
    assert_eq!(running.gateway.number(), 1);
}

/// What no request may do, whatever it makes of an id: name an object by two spellings, or another one than it says.
#[tokio::test]
async fn a_thousand_ids_name_what_they_say_or_nothing() {
    const PARTS: [&str; 24] = [
        "admin",
        "Admin",
        "%61dmin",
        "%41dmin",
        "%2f",
        "%2F",
        "/",
        "%5c",
        "%5C",
        "%25",
        "%2541",
        "..",
        ".",
        "%2e",
        "%00",
        "%0d%0a",
        ";",
        "%3b",
        "%c0%af",
        "%ef%bc%8f",
        "%20",
        "+",
        ":",
        "%",
    ];
    let running = start().await;
    running.ask("POST", "/consumers", r#"{"name":"admin","secret":1}"#).await.expect(201);
    let mut random = 1_u64;
    let mut made = 0;
    for _ in 0..1_000 {
        let mut id = String::new();
        for _ in 0..1 + random % 4 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            id += PARTS[(random >> 33) as usize % PARTS.len()];
        }
        let before = running.gateway.objects(List::Consumers);
        let answer = running.ask("PUT", &format!("/consumers/{id}"), r#"{"secret":2}"#).await;
        let decoded = decoded(&id)
            .filter(|name| !matches!(&**name, "" | "." | "..") && !name.contains(['/', '\\', '%', '\0', '\r']));
        let Some(name) = decoded else {
            answer.expect(404);
            assert_eq!(running.gateway.objects(List::Consumers), before, "{id}");
            continue;
        };
        assert!(matches!(answer.status, 200 | 201), "{id}: {}", answer.body);
        made += 1;
        let others =
            |objects: Vec<ObjectTold>| objects.into_iter().filter(|object| object.name != name).collect::<Vec<_>>();
        assert_eq!(others(running.gateway.objects(List::Consumers)), others(before), "{id} touches {name} only");
        assert!(running.gateway.object(List::Consumers, &name).is_some(), "{id}");
    }
    assert!((50..950).contains(&made), "both are tried: {made}");
}

/// As the RFC has it, written once more.
fn decoded(id: &str) -> Option<String> {
    let mut parts = id.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let running = start().await;
    let answer = running.ask("POST", "/routes/a", "{}").await.expect(405).says("`/api/v1/routes/{name}` is asked with");
    assert_eq!(answer.field("allow"), Some("delete, get, head, patch, put"));
    let answer = running.ask("DELETE", "/routes", "").await.expect(405);
    assert_eq!(answer.field("allow"), Some("get, head, post"));
    running.get("/rotues").await.expect(404).says("did you mean `/api/v1/routes`?");
    let head = running.ask("HEAD", "/routes", "").await;
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[tokio::test]
async fn endpoints_are_told_and_given_orders() {
    let running = start().await;
    let told = running.get("/upstreams/a/endpoints").await.expect(200).json();
    // tidy-allow fixed-port: data, never bound
    assert_eq!((&told["endpoints"][0]["address"], &told["endpoints"][0]["weight"]), (&"[::1]:80".into(), &1.into()));
    running.get("/upstreams/b/endpoints").await.expect(404).says("there is no upstream `b`");
    let told = running.ask("PATCH", "/upstreams/a/endpoints/%5B::1%5D:80", r#"{"weight":7}"#).await.expect(200).json();
    assert_eq!((&told["weight"], &told["order"]["weight"]), (&7.into(), &7.into()));
    for (path, body, status) in [
        ("/upstreams/a/endpoints/1:1", r#"{"weight":7}"#, 404),
        ("/upstreams/b/endpoints/%5B::1%5D:80", r#"{"weight":7}"#, 404),
        ("/upstreams/a/endpoints/%5B::1%5D:80", "{}", 422),
        ("/upstreams/a/endpoints/%5B::1%5D:80", r#"{"clear":true,"drain":true}"#, 422),
        ("/upstreams/a/endpoints/%5B::1%5D:80", r#"{"weight":-1}"#, 400),
        ("/upstreams/a/endpoints/%5B::1%5D:80", r#"{"wieght":1}"#, 400),
    ] {
        running.ask("PATCH", path, body).await.expect(status);
    }
}

#[tokio::test]
async fn nodes_are_told() {
    let told = start().await.get("/nodes").await.expect(200).json();
    assert_eq!((&told["nodes"][0]["is_self"], &told["nodes"][0]["skew"]), (&true.into(), &0.into()));
}

#[tokio::test]
async fn the_description_is_for_everybody_and_what_it_describes_is_not() {
    let running = start().await;
    let answer = running.send("GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/json")));
    let described = answer.json();
    assert_eq!(described["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            ids.insert(operation["operationId"].as_str().unwrap());
            let (path, method) = (path.replace(['{', '}'], ""), method.to_ascii_uppercase());
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
            );
            let answer = running.send(&request).await;
            assert_eq!(answer.status, 401, "{method} {path}");
        }
    }
    for list in List::ALL {
        assert!(ids.contains(&*format!("patch_{}", list.singular())), "{ids:?}");
    }
}

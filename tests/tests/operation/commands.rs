//! A gateway that is driven by commands, as people drive it.

use std::{collections::BTreeSet, fs};

use http::{HeaderValue, Method};
use serde_json::{Value, json};
use testkit::{
    client::{
        Client, request,
        tool::{self, Run},
    },
    gateway::{Process, binary, command},
    origin::Origin,
};

/// A gateway whose file has a listener and a route of its own, and two endpoints for whatever else is wanted.
struct Driven {
    gateway: Process,
    one: Origin,
    other: Origin,
}

// === impl Driven ===

impl Driven {
    async fn start() -> Self {
        let gateway = Process::start(
            "listeners: [{ name: web, address: \"127.0.0.1:0\" }]\n\
             routes: [{ name: ping, match: { path: /ping }, respond: { body: pong } }]\n",
        )
        .await;
        Self { gateway, one: Origin::text("one").await, other: Origin::text("other").await }
    }

    /// What is to be applied: a route for everybody, and one for those who have a key.
    fn document(&self, priority: i32) -> String {
        format!(
            "version: 1
upstreams:
  - {{ name: users, endpoints: [\"{}\", \"{}\"] }}
routes:
  - {{ name: users, priority: {priority}, match: {{ path: {{ prefix: /users }} }}, upstream: users }}
  - name: members
    match: {{ path: /members }}
    policies: [{{ key_auth: {{}} }}]
    upstream: users
consumers: [{{ name: alice, groups: [gold] }}]
",
            self.one.address, self.other.address
        )
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.gateway.directory().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Where the gateway is, and whose token counts.
    fn place(&self) -> [String; 4] {
        let state = self.gateway.directory().join(".sluice").to_str().unwrap().to_owned();
        ["--server".to_owned(), self.gateway.admin().to_string(), "--state".to_owned(), state]
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        let place = self.place();
        command(&[arguments, &place.each_ref().map(|part| &**part)].concat()).await
    }

    /// What a command says that goes well.
    async fn says(&self, arguments: &[&str]) -> String {
        self.run(arguments).await.success().to_owned()
    }

    /// What it says that ends with another code, on either output.
    async fn ends(&self, arguments: &[&str], code: i32) -> String {
        let run = self.run(arguments).await;
        assert_eq!(run.code, Some(code), "{arguments:?}: {}{}", run.stdout, run.stderr);
        run.stdout + &run.stderr
    }

    async fn applied(&self) -> String {
        let document = self.write("wanted.yaml", &self.document(0));
        assert!(self.says(&["apply", "-f", &document]).await.ends_with("revision 1 is live, as generation 2\n"));
        document
    }

    async fn status(&self, path: &str, key: Option<&str>) -> u16 {
        let mut asked = request(Method::GET, path);
        if let Some(key) = key {
            asked.headers_mut().insert("x-api-key", HeaderValue::from_str(key).unwrap());
        }
        Client::http1(self.gateway.address("web")).await.fetch(asked).await.status.as_u16()
    }

    /// Who answers, of as many requests as meet everybody.
    async fn answering(&self) -> BTreeSet<String> {
        let mut client = Client::http1(self.gateway.address("web")).await;
        let mut answered = BTreeSet::new();
        for _ in 0..12 {
            answered.insert(client.get("/users").await.text().to_owned());
        }
        answered
    }
}

#[track_caller]
fn contains(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
}

#[tokio::test]
async fn a_document_is_looked_at_applied_and_taken_back() {
    let driven = Driven::start().await;
    let document = driven.write("wanted.yaml", &driven.document(0));
    let told = driven.ends(&["diff", "-f", &document], 3).await;
    contains(&told, &["routes\n  + `users`", "requests that go elsewhere\n  GET http"]);
    let told = driven.says(&["apply", "-f", &document, "--dry-run"]).await;
    contains(&told, &["  + `members`", "nothing stands in the way, and nothing was changed\n"]);
    assert_eq!(driven.status("/users/7", None).await, 404, "nothing was changed");

    driven.applied().await;
    assert_eq!(driven.status("/users/7", None).await, 200);
    assert_eq!(driven.says(&["diff", "-f", &document]).await, "nothing has changed\n");

    // What is printed is what is applied.
    let printed = driven.says(&["get", "route", "users", "-o", "yaml"]).await;
    assert!(printed.starts_with("routes:\n  - name: users\n    match:\n      path:\n"), "{printed}");
    let printed = driven.write("printed.yaml", &printed);
    let told = driven.says(&["apply", "-f", &printed]).await;
    assert_eq!(told, "nothing has changed\n\nrevision 1 is live, as generation 2\n");

    let changed = driven.write("wanted.yaml", &driven.document(5));
    let told = driven.says(&["apply", "-f", &changed, "-m", "users first"]).await;
    contains(&told, &["  ~ `users`\n      priority: 5, was 0\n", "revision 2 is live"]);
    let late = driven.ends(&["apply", "-f", &printed, "--revision", "1"], 1).await;
    contains(&late, &["answers 412: the newest revision is 2", "`sluice history` tells who"]);

    let told = driven.says(&["history"]).await;
    let lines: Vec<_> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(
        (lines.len(), lines[1][0], &lines[1][2..], lines[2][0]),
        (3, "2", &["admin", "users", "first"][..], "1")
    );
    assert_eq!(driven.says(&["history", "--limit", "1"]).await.lines().count(), 2);
    contains(&driven.says(&["history", "2"]).await, &["message   users first\n", "priority: 5, was 0\n"]);
    let kept = driven.says(&["history", "1", "-o", "json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap()["routes"][0]["priority"], 0);

    contains(&driven.says(&["rollback", "1", "--dry-run"]).await, &["priority: 0, was 5", "nothing was changed\n"]);
    contains(&driven.says(&["rollback", "1"]).await, &["priority: 0, was 5", "revision 3 is live"]);
    contains(&driven.ends(&["rollback", "77"], 1).await, &["answers 404: there is no revision 77"]);
    contains(&driven.says(&["history", "3"]).await, &["message   back to revision 1\n"]);
}

#[tokio::test]
async fn what_is_wrong_is_told_where_it_stands_and_changes_nothing() {
    let driven = Driven::start().await;
    driven.applied().await;
    let bad =
        driven.write("bad.yaml", "routes:\n  - name: a\n    upstream: usres\n  - name: b\n    match: { pth: /b }\n");
    for command in [&["apply", "-f", &bad][..], &["apply", "-f", &bad, "--dry-run"], &["diff", "-f", &bad]] {
        let told = driven.ends(command, 1).await;
        contains(&told, &[&format!("{bad}:3:15: error: "), "did you mean `users`?", &format!("{bad}:5:")]);
    }
    // What a file has is the file's.
    let theirs = driven.write("theirs.yaml", "routes:\n  - { name: ping, respond: { body: other } }\n");
    let told = driven.ends(&["apply", "-f", &theirs], 1).await;
    contains(&told, &["answers 409: the route `ping` stands in ", "sluice.yaml:", "change it there"]);
    contains(&driven.ends(&["delete", "route", "ping"], 1).await, &["answers 409"]);

    contains(&driven.ends(&["get", "route", "usres"], 1).await, &["answers 404", "did you mean `users`?"]);
    contains(&driven.ends(&["get", "rotues"], 2).await, &["a similar value exists: 'routes'"]);
    let told = driven.ends(&["delete", "upstream", "users"], 1).await;
    contains(&told, &["answers 422: ", "routes[users].upstream: unknown upstream `users`"]);
    let told = driven.says(&["history", "-o", "json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["revisions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn everything_that_there_is_can_be_seen() {
    let driven = Driven::start().await;
    driven.applied().await;
    let told = driven.says(&["get", "routes"]).await;
    let lines: Vec<_> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["NAME", "HOSTS", "PATH", "METHODS", "GOES", "TO", "OWNER"]);
    assert_eq!(lines[1][..4], ["ping", "-", "/ping", "-"]);
    assert_eq!(lines[2], ["users", "-", "prefix", "/users", "-", "upstream", "users", "api"]);
    let told = driven.says(&["get", "routes", "--owner", "api", "--search", "MEMBERS", "-o", "json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((told["routes"].as_array().unwrap().len(), &told["routes"][0]["name"]), (1, &json!("members")));

    let told = driven.says(&["describe", "upstream", "users"]).await;
    let one = driven.one.address.to_string();
    contains(
        &told,
        &["upstream users\nchanged by  the API", &one, "route  users    upstream\n", "route  members  upstream\n"],
    );
    let told = driven.says(&["describe", "route", "ping"]).await;
    contains(&told, &["changed by  whoever writes ", "sluice.yaml:", "name: ping\n"]);

    for kind in ["listeners", "upstreams", "consumers", "endpoints", "nodes", "revisions", "audit"] {
        let told = driven.says(&["get", kind]).await;
        assert!(told.lines().count() > 1, "{kind}: {told}");
        let told: Value = serde_json::from_str(&driven.says(&["get", kind, "--json"]).await).unwrap();
        assert!(told[kind].as_array().is_some_and(|items| !items.is_empty()), "{kind}: {told}");
    }
    for kind in ["operators", "services", "breakers"] {
        let run = driven.run(&["get", kind]).await;
        assert_eq!((run.success(), &*run.stderr), ("", &*format!("there are no {kind}\n")));
    }
    assert_eq!(driven.says(&["get", "endpoints"]).await, driven.says(&["get", "endpoints", "users"]).await);
}

#[tokio::test]
async fn keys_are_shown_once_and_revoked() {
    let driven = Driven::start().await;
    driven.applied().await;
    assert_eq!(driven.status("/members", None).await, 401);
    let run = driven.run(&["key", "create", "alice", "--id", "ci", "--not-after", "2100-01-01"]).await;
    let key = run.success().strip_suffix('\n').unwrap();
    assert!(key.starts_with("slk_") && !run.stderr.contains(key), "the key, and nothing else: {run:?}");
    assert_eq!(driven.status("/members", Some(key)).await, 200);
    let told = driven.says(&["key", "list", "alice"]).await;
    contains(&told, &["ID  CREATED", "\nci  ", "  2100-01-01T00:00:00Z  ", "  good\n"]);

    let made: Value =
        serde_json::from_str(&driven.says(&["key", "rotate", "alice", "--overlap", "1h", "--json"]).await).unwrap();
    let new = made["key"].as_str().unwrap();
    for key in [key, new] {
        assert_eq!(driven.status("/members", Some(key)).await, 200);
    }
    contains(
        &driven.says(&["key", "revoke", "alice", "ci"]).await,
        &["the key `ci` of alice is worth nothing any more"],
    );
    assert_eq!(driven.status("/members", Some(key)).await, 401);
    assert_eq!(driven.status("/members", Some(new)).await, 200);
    contains(&driven.ends(&["key", "revoke", "alice", "ci"], 1).await, &["answers 404: there is no key `ci`"]);
    contains(&driven.ends(&["key", "create", "alise"], 1).await, &["did you mean `alice`?"]);
    for told in [driven.says(&["get", "keys", "alice"]).await, driven.says(&["describe", "consumer", "alice"]).await] {
        assert!(!told.contains("slk_"), "{told}");
    }
}

#[tokio::test]
async fn endpoints_drain_and_come_back() {
    let driven = Driven::start().await;
    driven.applied().await;
    let one = driven.one.address.to_string();
    let who = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(driven.answering().await, who(&["one", "other"]));
    let told = driven.says(&["endpoint", "drain", "users", &one]).await;
    assert!(told.trim_end().ends_with("  drain"), "{told}");
    assert_eq!(driven.answering().await, who(&["other"]));
    driven.says(&["endpoint", "undrain", "users", &one]).await;
    assert_eq!(driven.answering().await, who(&["one", "other"]));
    driven.says(&["endpoint", "weight", "users", &one, "0"]).await;
    assert_eq!(driven.answering().await, who(&["other"]));
    driven.says(&["endpoint", "clear", "users", &one]).await;
    assert_eq!(driven.answering().await, who(&["one", "other"]));
    // tidy-allow fixed-port: data, never bound
    contains(&driven.ends(&["endpoint", "drain", "users", "127.0.0.1:1"], 1).await, &["answers 404", &one]);
}

#[tokio::test]
async fn what_is_wanted_no_more_goes() {
    let driven = Driven::start().await;
    driven.applied().await;
    let wanted = driven
        .write("fewer.yaml", "routes:\n  - { name: users, match: { path: { prefix: /users } }, upstream: users }\n");
    let told = driven.ends(&["diff", "-f", &wanted, "--prune"], 3).await;
    contains(&told, &["  - `members`"]);
    assert!(
        !told.contains("  - `ping`") && !told.contains("consumers"),
        "only what is the API's, and in its list: {told}"
    );
    driven.says(&["apply", "-f", &wanted, "--prune"]).await;
    assert_eq!(driven.status("/members", None).await, 404);
    driven.says(&["delete", "route", "users", "-m", "nobody asks"]).await;
    assert_eq!(driven.status("/users", None).await, 404);
    assert_eq!(driven.status("/ping", None).await, 200);
    contains(&driven.ends(&["delete", "route", "users"], 1).await, &["answers 404"]);

    // As people do it who change what there is.
    let place = driven.place().map(|part| format!("'{part}'")).join(" ");
    let sluice = binary().to_str().unwrap().to_owned();
    let line = format!("{sluice} history 1 -o yaml {place} | sed s,/members,/insiders, | {sluice} apply -f - {place}");
    let run = tool::run("bash", &["-o", "pipefail", "-c", &line]).await;
    contains(run.success(), &["revision 4 is live"]);
    assert_eq!((driven.status("/insiders", None).await, driven.status("/members", None).await), (401, 404));
}

//! Commands that ask a running gateway: which one, with whose token, and what they say of its answers.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
};

use http::{Response, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    body,
    certs::Authority,
    client::tool::{self, Run},
    origin::{Origin, Settings},
    tls,
};

use crate::SLUICE;

/// What a gateway was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    /// `GET /api/v1/nodes`.
    line: String,
    credentials: String,
    host: String,
    seen: Option<String>,
}

/// A gateway that says the same to everything.
struct Fake {
    origin: Origin,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// Somebody's folder: contexts, and tokens.
struct Home(TempDir);

// === impl Fake ===

impl Fake {
    async fn start(status: u16, says: Value) -> Self {
        Self::with(Settings::default(), status, says).await
    }

    async fn with(settings: Settings, status: u16, says: Value) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let origin = Origin::with(settings, move |request| {
            let field = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            notes.lock().unwrap().push(Asked {
                line: format!("{} {}", request.method(), request.uri()),
                credentials: field(header::AUTHORIZATION).unwrap_or_default(),
                host: field(header::HOST).unwrap_or_default(),
                seen: field(header::IF_MATCH),
            });
            let response = Response::builder().status(status).header(header::ETAG, "\"7\"");
            let response = response.body(body::full(says.to_string())).unwrap();
            async move { response }
        })
        .await;
        Self { origin, asked }
    }

    fn address(&self) -> String {
        self.origin.address.to_string()
    }

    /// All that it was asked since the last time.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

// === impl Home ===

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn token(&self, name: &str) -> String {
        self.write(name, &format!("token-of-{name}\n"), 0o600)
    }

    /// Runs a command of whoever lives here, with further variables.
    async fn run_with(&self, variables: &[&str], arguments: &[&str]) -> Run {
        let home = format!("XDG_CONFIG_HOME={}", self.path().display());
        let fixed =
            ["-u", "SLUICE_CONTEXTS", "-u", "SLUICE_SERVER", "-u", "SLUICE_CONTEXT", "-u", "SLUICE_STATE", &home];
        let token = ["SLUICE_ADMIN_TOKEN=token-that-is-around"];
        tool::run("env", &[&fixed[..], &token, variables, &[SLUICE], arguments].concat()).await
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(&[], arguments).await
    }
}

fn nodes() -> Value {
    json!({ "nodes": [{ "name": "gateway-1", "version": "0.1.0", "revision": 7, "skew": 0, "started": "2026-01-31T00:00:00Z", "is_self": true, "dependencies": [] }] })
}

#[tokio::test]
async fn contexts_say_which_gateway_is_asked_with_whose_token() {
    let (prod, test, home) = (Fake::start(200, nodes()).await, Fake::start(200, nodes()).await, Home::new());
    let run = home.run(&["context", "list"]).await;
    assert_eq!(run.success(), "");
    assert!(run.stderr.contains("there are no contexts in ") && run.stderr.contains("sluice/contexts.yaml"), "{run:?}");

    for (name, fake) in [("prod", &prod), ("test", &test)] {
        let add = ["context", "add", name, "--server", &fake.address(), "--token-file", &home.token(name)];
        home.run(&add).await.success();
    }
    let run = home.run(&["context", "list"]).await;
    let lines: Vec<_> = run.success().lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[1][..3], ["*", "prod", &prod.address()]);
    assert_eq!(lines[2][..3], ["-", "test", &test.address()]);

    // The current one, and a token that is for nobody else.
    let run = home.run(&["get", "nodes"]).await;
    assert!(run.success().starts_with("NAME               VERSION  REVISION  BEHIND  "), "{}", run.stdout);
    assert!(run.stdout.contains("\ngateway-1 (asked)  0.1.0           7       0  "), "{}", run.stdout);
    let asked = prod.asked().remove(0);
    assert_eq!((&*asked.line, &*asked.credentials), ("GET /api/v1/nodes", "Bearer token-of-prod"));

    // Another one, for once or for good; other commands ask it as well.
    home.run(&["get", "nodes", "--context", "test"]).await.success();
    home.run_with(&["SLUICE_CONTEXT=test"], &["get", "nodes"]).await.success();
    home.run(&["context", "use", "test"]).await.success();
    home.run(&["config", "export"]).await.success();
    assert_eq!(test.lines(), ["GET /api/v1/nodes", "GET /api/v1/nodes", "GET /api/v1/config?only=api"]);
    assert_eq!(prod.lines(), [""; 0]);

    // An address is asked as it is, with a token that is around.
    home.run(&["get", "nodes", "--server", &prod.address()]).await.success();
    assert_eq!(prod.asked()[0].credentials, "Bearer token-that-is-around");
    home.run(&["get", "nodes", "--admin", &prod.address(), "--token-file", &home.token("other")]).await.success();
    assert_eq!(prod.asked()[0].credentials, "Bearer token-of-other");

    let run = home.run(&["context", "show"]).await;
    let said = format!("server  {}\nsays    the context `test`\ntoken   the one in ", test.address());
    assert!(run.success().starts_with(&said) && !run.stdout.contains("token-of"), "{}", run.stdout);
}

#[tokio::test]
async fn what_is_wrong_with_a_context_is_said_before_anybody_is_asked() {
    let (fake, home) = (Fake::start(200, nodes()).await, Home::new());
    let open = home.write("open", "token-of-open\n", 0o644);
    home.run(&["context", "add", "prod", "--server", &fake.address(), "--token-file", &open]).await.success();
    let fails = async |arguments: &[&str], why: &str| {
        let run = home.run(arguments).await;
        assert_eq!((run.code, &*run.stdout), (Some(1), ""), "{arguments:?}");
        assert!(run.stderr.contains(why) && !run.stderr.contains("token-of"), "no `{why}` in {}", run.stderr);
    };
    fails(&["get", "nodes"], &format!("{open} can be read by others (mode 644); `chmod 600 {open}`")).await;
    fails(&["context", "use", "pord"], "there is no context `pord`; there are prod; did you mean `prod`?").await;
    fails(&["context", "add", "prod", "--server", "a:80"], "there is a context `prod`").await;
    let contexts = home.path().join("sluice/contexts.yaml");
    fs::set_permissions(&contexts, Permissions::from_mode(0o666)).unwrap();
    fails(&["get", "nodes"], "others can change it (mode 666), and so have your tokens sent to themselves").await;
    home.write("sluice/contexts.yaml", "current: prod\ncontexts: [{ name: prod, sever: a }]\n", 0o600);
    fails(&["get", "nodes"], "contexts.yaml:2:26: error: unknown key `sever`; did you mean `server`?").await;
    assert_eq!(fake.asked(), []);
}

#[tokio::test]
async fn what_stands_in_front_of_a_gateway_may_speak_tls() {
    let authority = Authority::new();
    let settings = Settings {
        tls: Some(tls::server(&authority.server("gateway", &["127.0.0.1"]), &["http/1.1"], None)),
        ..Settings::default()
    };
    let (fake, home) = (Fake::with(settings, 200, nodes()).await, Home::new());
    let server = format!("https://{}/behind", fake.address());
    let ca = authority.ca();
    home.run(&["get", "nodes", "--server", &server, "--ca", ca.to_str().unwrap()]).await.success();
    let asked = fake.asked().remove(0);
    assert_eq!((&*asked.line, &*asked.host), ("GET /behind/api/v1/nodes", &*fake.address()));

    let run = home.run(&["get", "nodes", "--server", &server]).await;
    assert_eq!(run.code, Some(1), "nobody vouches for it");
    assert!(run.stderr.contains("cannot ask the gateway at https://"), "{}", run.stderr);
    assert_eq!(fake.asked(), []);
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_ends_with_2() {
    let (fake, home) = (Fake::start(200, nodes()).await, Home::new());
    for (arguments, why) in [
        (&["get", "rotues"][..], "a similar value exists: 'routes'"),
        (&["delete", "nodes", "a"], "[possible values: listeners, upstreams, routes, consumers, operators]"),
        (&["get", "keys"], "whose keys? `sluice get keys CONSUMER`"),
        (&["get", "nodes", "--search", "a"], "--search and --owner are for objects of the document"),
        (&["get", "revisions", "7"], "`sluice history` tells of one"),
        (&["describe", "audit", "7"], "audit cannot be described"),
        (&["get", "nodes", "-o", "xml"], "[possible values: table, json, yaml]"),
        (&["get", "nodes", "--context", "a"], "cannot be used with"),
        (&["apply"], "--file <FILE>"),
        (&["diff", "a.yaml"], "<NEW>"),
        (&["diff", "a.yaml", "b.yaml", "-f", "c.yaml"], "cannot be used with"),
        (&["rollback", "0"], "0 is not in 1.."),
        (&["endpoint", "drain", "users", "unix:/run/a.sock"], "no order can name a unix socket"),
    ] {
        let run = home.run(&[arguments, &["--server", &fake.address()]].concat()).await;
        assert_eq!((run.code, &*run.stdout), (Some(2), ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(why), "{arguments:?}: no `{why}` in {}", run.stderr);
    }
    assert_eq!(fake.asked(), []);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_sent_to_nobody() {
    let (fake, home) = (Fake::start(200, json!({})).await, Home::new());
    for (text, why) in [
        ("rotes: []\n", "doc.yaml:1:1: error: unknown key `rotes`; did you mean `routes`?"),
        ("routes: [{ upstream: a }]\n", "doc.yaml:1:10: error: a route is a map with a `name`"),
        ("routes: [{ name: \"${NOBODY_SETS_THIS}\" }]\n", "doc.yaml:1:18: error: "),
        ("version: 1\n", "there are no objects in "),
        ("a: [\n", "doc.yaml:"),
    ] {
        let document = home.write("doc.yaml", text, 0o600);
        for command in ["apply", "diff"] {
            let run = home.run(&[command, "-f", &document, "--server", &fake.address()]).await;
            assert_eq!(run.code, Some(1), "{command} {text}: {}", run.stderr);
            assert!(run.stderr.contains(why), "{text}: no `{why}` in {}", run.stderr);
        }
    }
    let run = home.run(&["apply", "-f", "/nowhere/a.yaml", "--server", &fake.address()]).await;
    assert!(run.stderr.contains("/nowhere/a.yaml"), "{}", run.stderr);
    assert_eq!(fake.asked(), []);
}

#[tokio::test]
async fn what_a_gateway_does_not_like_is_told_where_it_stands() {
    let problems = json!([{ "severity": "error", "path": "routes[a].upstream", "place": null,
        "message": "unknown upstream `user`", "hint": "did you mean `users`?" }]);
    let says = json!({ "detail": "the document that would come of it has 1 errors, and nothing is changed", "problems": problems });
    let (fake, home) = (Fake::start(422, says).await, Home::new());
    let document = home.write("doc.yaml", "routes:\n- name: a\n  upstream: user\n", 0o600);
    let run =
        home.run(&["apply", "-f", &document, "-m", "a & b", "--revision", "6", "--server", &fake.address()]).await;
    assert_eq!(run.code, Some(1));
    let line = format!("{document}:3:13: error: unknown upstream `user`; did you mean `users`?\n");
    assert!(run.stderr.contains(" answers 422: the document") && run.stderr.ends_with(&line), "{}", run.stderr);
    let asked = fake.asked().remove(0);
    assert_eq!(asked.line, "POST /api/v1/transactions?diff&message=a%20%26%20b");
    assert_eq!(asked.seen.as_deref(), Some("\"6\""));
}

#[tokio::test]
async fn a_gateway_that_says_no_is_understood() {
    let home = Home::new();
    for (status, detail, why) in [
        (401, "a token is needed", "a token is needed; the token that was shown is that of SLUICE_ADMIN_TOKEN"),
        (403, "this needs the role `operator`", "answers 403: this needs the role `operator`"),
        (
            412,
            "revision 8 is the latest by now, not 7",
            "somebody was faster, and nothing is changed; `sluice history`",
        ),
    ] {
        let fake = Fake::start(status, json!({ "detail": detail })).await;
        let run = home.run(&["rollback", "6", "--server", &fake.address()]).await;
        assert_eq!((run.code, &*run.stdout), (Some(1), ""), "{status}");
        assert!(run.stderr.contains(why) && !run.stderr.contains("around"), "{status}: {}", run.stderr);
    }
    let fake = Fake::start(200, json!({ "items": "none" })).await;
    let run = home.run(&["get", "routes", "--server", &fake.address()]).await;
    assert!(run.stderr.contains("has no `items`; is it another version?"), "{}", run.stderr);
}

/// A script is asked nothing, and goes by what it has looked at.
#[tokio::test]
async fn what_takes_something_away_says_what_was_seen() {
    let says = json!({ "revision": { "number": 8 }, "generation": 9, "warnings": [] });
    let (fake, home) = (Fake::start(200, says).await, Home::new());
    let server = fake.address();
    let run = home.run(&["delete", "route", "a/b", "--server", &server]).await;
    assert_eq!(run.success(), "revision 8 is live, as generation 9\n");
    let run = home.run(&["rollback", "6", "--dry-run", "--json", "--server", &server]).await;
    assert_eq!(serde_json::from_str::<Value>(run.success()).unwrap()["generation"], 9);
    let asked: Vec<_> = fake.asked().into_iter().map(|asked| (asked.line, asked.seen)).collect();
    let seen = Some("\"7\"".to_owned());
    assert_eq!(
        asked,
        [
            ("GET /api/v1/routes/a%2Fb".to_owned(), None),
            ("DELETE /api/v1/routes/a%2Fb?diff".to_owned(), seen.clone()),
            ("GET /api/v1/revisions?limit=1".to_owned(), None),
            ("POST /api/v1/revisions/6/rollback?dry_run".to_owned(), seen),
        ]
    );
}

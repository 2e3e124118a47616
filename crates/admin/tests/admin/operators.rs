//! Who may do what, and what is noted of it.

use admin::{AuditEntry, Denied};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{Answer, Running, TOKEN, start, within};

/// The field that shows somebody's token.
fn bearer(name: &str) -> String {
    format!("authorization: Bearer slo_{name}\r\n")
}

impl Running {
    async fn ask(&self, method: &str, target: &str, fields: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}");
        self.send(&format!("{head}content-length: {length}\r\n\r\n{body}")).await
    }

    fn last_entry(&self) -> AuditEntry {
        self.gateway.audit.lock().unwrap().last().unwrap().clone()
    }
}

#[tokio::test]
async fn each_may_do_what_their_role_says() {
    let running = start().await;
    let level = r#"{"level":"debug"}"#;
    for (who, method, target, body, status) in [
        ("vera", "GET", "/api/v1/log-level", "", 200),
        ("vera", "HEAD", "/api/v1/log-level", "", 200),
        ("vera", "POST", "/api/v1/explain", r#"{"url":"/ping"}"#, 200),
        ("vera", "PUT", "/api/v1/log-level", level, 403),
        ("vera", "DELETE", "/api/v1/operators/vera", "", 403),
        ("otto", "PUT", "/api/v1/log-level", level, 200),
        ("otto", "POST", "/api/v1/nothing", "", 404),
        ("otto", "PATCH", "/api/v1/operators/otto", r#"{"role":"admin"}"#, 403),
        ("otto", "PATCH", "/api/v1/operators/%6Ftto", r#"{"role":"admin"}"#, 403),
        ("otto", "PATCH", "/api/v1/%6Fperators/otto", r#"{"role":"admin"}"#, 404),
        ("otto", "POST", "/api/v1/routes%2f..%2foperators", "{}", 404),
        ("otto", "POST", "/api/v1/routes/../operators", "{}", 404),
        ("ada", "POST", "/api/v1/operators%00", "{}", 404),
        ("ada", "PUT", "/api/v1/log-level", level, 200),
    ] {
        let answer = running.ask(method, target, &bearer(who), body).await;
        assert_eq!(answer.status, status, "{who} {method} {target}: {}", answer.body);
        assert!(answer.head.contains("\r\nx-request-id: "), "{}", answer.head);
    }
    // This gateway changes nothing, and an admin gets as far as to hear so.
    let answer = running.ask("PUT", "/api/v1/operators/otto", &bearer("ada"), "{}").await;
    assert!(answer.body.contains("nothing can be changed here"), "{}", answer.body);
    let answer = running.ask("PUT", "/api/v1/log-level", &bearer("vera"), level).await;
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&problem["role"], &problem["needed"]), (&"viewer".into(), &"operator".into()));
    assert_eq!(problem["detail"], "this needs the role `operator`, and `vera` is `viewer`");
}

#[tokio::test]
async fn an_expired_token_says_since_when() {
    let running = start().await;
    let answer = running.ask("GET", "/api/v1/log-level", &bearer("eve"), "").await;
    answer.expect_problem(401);
    assert!(answer.body.contains("the token of `eve` is expired since 2020-01-02T00:00:00"), "{}", answer.body);
    assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
    let entry = running.last_entry();
    assert_eq!((entry.who.as_deref(), entry.denied, entry.status), (Some("eve"), Some(Denied::Expired), 401));
}

#[tokio::test]
async fn guessing_is_slowed_down_and_locks_nobody_out() {
    let running = start().await;
    let guess = async || running.ask("GET", "/api/v1/log-level", &bearer("mallory"), "").await;
    for _ in 0..10 {
        guess().await.expect_problem(401);
    }
    for _ in 0..30 {
        let answer = guess().await;
        answer.expect_problem(429);
        assert!(answer.head.contains("\r\nretry-after: "), "{}", answer.head);
    }
    assert_eq!(running.ask("GET", "/api/v1/log-level", &bearer("vera"), "").await.status, 200);
    assert_eq!(running.ask("GET", "/api/v1/log-level", TOKEN, "").await.status, 200);
    guess().await.expect_problem(429);
    let denied = running.gateway.denied.lock().unwrap().clone();
    let count = |why| denied.iter().filter(|denied| **denied == why).count();
    assert_eq!((count(Denied::WrongToken), count(Denied::Limited)), (10, 31), "all are counted");
    let entries = running.gateway.audit.lock().unwrap().clone();
    assert_eq!(entries.len(), 31, "not all are noted: what others did stays in the log");
    assert!(entries[..30].iter().all(|entry| !entry.further_untold && entry.who.is_none()));
    assert!(entries[30].further_untold);
}

#[tokio::test]
async fn pages_of_others_are_refused_everywhere() {
    for target in ["/livez", "/metrics", "/api/v1/log-level", "/nothing"] {
        let running = start().await;
        for fields in [
            "origin: http://evil.example\r\n",
            "origin: null\r\n",
            "origin: http://gateway.internal:3000\r\n",
            "sec-fetch-site: cross-site\r\n",
            "content-type: text/plain\r\n",
        ] {
            for token in ["", TOKEN, &bearer("vera")] {
                let answer = running.ask("PUT", target, &format!("{fields}{token}"), r#"{"level":"debug"}"#).await;
                assert_eq!(answer.status, 403, "{target} {fields}{token}");
                assert!(!answer.head.contains("access-control-"), "{}", answer.head);
            }
        }
        assert!(running.gateway.audit.lock().unwrap().iter().all(|entry| entry.who.is_none() && entry.status == 403));
    }
    let running = start().await;
    let own = format!("origin: http://localhost\r\nsec-fetch-site: same-origin\r\n{TOKEN}");
    assert_eq!(running.ask("PUT", "/api/v1/log-level", &own, r#"{"level":"debug"}"#).await.status, 200);
}

#[tokio::test]
async fn what_is_changed_is_noted_and_read_again() {
    let running = start().await;
    let order = r#"{"level":"debug","token":"s3cret"}"#;
    let refused = running.ask("PUT", "/api/v1/log-level?message=a%20b&token=s3cret", &bearer("otto"), order).await;
    refused.expect_problem(400);
    let entry = running.last_entry();
    assert_eq!((entry.who.as_deref(), &*entry.method, entry.status), (Some("otto"), "PUT", 400));
    assert_eq!((&*entry.path, entry.query.as_deref()), ("/api/v1/log-level", Some("message=a%20b&token=[redacted]")));
    assert!(entry.from.starts_with("127.0.0.1:"), "{}", entry.from);
    assert!(refused.head.contains(&format!("x-request-id: {}", entry.request_id)), "{}", refused.head);

    running.ask("PUT", "/api/v1/log-level", &bearer("otto"), order).await.expect_problem(400);
    let asked = running.last_entry().asked.unwrap();
    assert_eq!(asked, serde_json::json!({ "level": "debug", "token": "[redacted]" }));

    running.ask("PUT", "/api/v1/log-level", TOKEN, r#"{"level":"debug"}"#).await;
    running.ask("GET", "/api/v1/log-level", TOKEN, "").await;
    running.ask("GET", "/api/v1/log-level", "", "").await.expect_problem(401);
    let read = async |query: &str| {
        let answer = running.ask("GET", &format!("/api/v1/audit{query}"), &bearer("vera"), "").await;
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let page = read("?limit=1").await;
    let newest = &page["items"][0];
    assert_eq!((&newest["who"], &newest["role"], &newest["status"]), (&"admin".into(), &"admin".into(), &200.into()));
    assert_eq!(page["next"], 3, "reading is not noted, and neither is who just forgot the token");
    let page = read("?before=2").await;
    assert_eq!((&page["items"][0]["who"], &page["next"]), (&"otto".into(), &Value::Null));
    assert_eq!(read("?limit=0").await["status"], 400);
    assert_eq!(read("?before=a").await["status"], 400);
}

/// Whoever leaves before the answer has changed something all the same.
#[tokio::test]
async fn what_is_done_is_noted_even_if_nobody_waits() {
    let running = start().await;
    let body = r#"{"level":"debug"}"#;
    let head = format!("host: localhost\r\n{TOKEN}content-length: {}\r\n", body.len());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(format!("PUT /api/v1/log-level HTTP/1.1\r\n{head}\r\n{body}").as_bytes()).await.unwrap();
    drop(stream);
    let noted = async {
        while running.gateway.audit.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within(noted).await;
    assert_eq!(running.last_entry().who.as_deref(), Some("admin"));
}

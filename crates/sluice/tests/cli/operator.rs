//! `sluice operator`

use serde_json::Value;

use crate::sluice;

#[tokio::test]
async fn a_token_is_shown_once_beside_what_is_for_the_document() {
    let run = sluice(&["operator", "new", "ci", "--role", "operator", "--not-after", "2027-01-01"]).await;
    run.success();
    let token = run.stderr.lines().nth(1).unwrap();
    let secret = token.strip_prefix("slo_").unwrap();
    assert_eq!(secret.len(), 43, "32 bytes: {token}");
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{token}");
    let hash = blake3::hash(token.as_bytes()).to_hex();
    let line = format!(
        "  - {{ name: \"ci\", role: operator, token: {{ hash: \"blake3:{hash}\" }}, not_after: \"2027-01-01\" }}\n"
    );
    assert_eq!(run.stdout, line);

    // What was printed is what a document takes.
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("sluice.yaml");
    let listener = "listeners: [{ name: web, address: \"127.0.0.1:0\" }]";
    std::fs::write(&document, format!("version: 1\n{listener}\noperators:\n{line}")).unwrap();
    sluice(&["check", "-c", document.to_str().unwrap()]).await.success();
}

#[tokio::test]
async fn programs_read_it_as_json() {
    let made = async || {
        let run = sluice(&["operator", "new", "a/b", "--role", "viewer", "--json"]).await;
        let told: Value = serde_json::from_str(run.success()).unwrap();
        assert_eq!(run.stderr, "");
        assert_eq!((&told["operator"]["name"], &told["operator"]["role"]), (&"a/b".into(), &"viewer".into()));
        assert_eq!(told["operator"].get("not_after"), None);
        let token = told["token"].as_str().unwrap().to_owned();
        let hash = blake3::hash(token.as_bytes()).to_hex();
        assert_eq!(told["operator"]["token"]["hash"], format!("blake3:{hash}"));
        token
    };
    assert_ne!(made().await, made().await);
}

#[tokio::test]
async fn what_makes_no_operator_is_refused() {
    for (arguments, why) in [
        (&["admin", "--role", "admin"][..], "`admin` is whoever has the admin token"),
        (&["a b", "--role", "admin"], "a name cannot hold ' '"),
        (&["a", "--role", "root"], "[possible values: viewer, operator, admin]"),
        (&["a", "--role", "viewer", "--not-after", "soon"], "expected a date such as"),
        (&["a"], "--role <ROLE>"),
    ] {
        let run = sluice(&[&["operator", "new"], arguments].concat()).await;
        assert_eq!((run.code, &*run.stdout), (Some(2), ""), "{arguments:?}");
        assert!(run.stderr.contains(why), "{arguments:?}: {}", run.stderr);
    }
}

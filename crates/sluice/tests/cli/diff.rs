//! `sluice diff`

use std::fs;

use serde_json::Value;

use crate::{examples, sluice};

#[tokio::test]
async fn what_a_caller_would_notice() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = fs::read_to_string(examples().join("routing.yaml")).unwrap();
    let old = write("old.yaml", &text);
    let same = write("same.yaml", &format!("# another comment\n{text}"));
    let other = write("new.yaml", &text.replace("methods: [GET, HEAD]", "methods: [HEAD]"));
    let bad = write("bad.yaml", "version: 1\nroutes: [{ name: r }]\n");

    let run = sluice(&["diff", &old, &same]).await;
    assert_eq!(run.success(), "nothing has changed\n");

    let run = sluice(&["diff", &old, &other]).await;
    assert_eq!(run.code, Some(3), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("match.methods.GET: removed, was GET\n"), "{}", run.stdout);
    assert!(run.stdout.contains("requests that go elsewhere\n  GET http://"), "{}", run.stdout);

    let run = sluice(&["diff", &old, &other, "--json"]).await;
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&told["same"], &told["routes"][0]["what"]), (&false.into(), &"changed".into()));

    let run = sluice(&["diff", &old, &bad]).await;
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("bad.yaml:2:"), "{}", run.stderr);
}

//! The commands that print something about the program.

use testkit::client::tool;

use crate::{SLUICE, sluice};

#[tokio::test]
async fn the_version() {
    let run = sluice(&["version"]).await;
    assert!(run.success().starts_with(concat!("sluice ", env!("CARGO_PKG_VERSION"))), "{}", run.stdout);
    assert_eq!(sluice(&["--version"]).await.success(), run.stdout);
}

#[tokio::test]
async fn completions_are_scripts_of_their_shells() {
    // What a shell says of a script that it cannot read.
    let command = format!("{SLUICE} completion bash | bash -n");
    tool::run("bash", &["-o", "pipefail", "-c", &command]).await.success();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sluice(&["completion", shell]).await;
        for word in ["ready-file", "rollback", "undrain", "token-file", "consumers"] {
            assert!(run.success().contains(word), "{shell}: no `{word}` in {}", run.stdout);
        }
    }
}

#[tokio::test]
async fn manual_pages() {
    let run = sluice(&["man"]).await;
    assert!(run.success().contains(".TH sluice 1"), "{}", run.stdout);
    let run = sluice(&["man", "run"]).await;
    assert!(run.success().contains(".TH sluice-run 1"), "{}", run.stdout);
    assert!(run.stdout.contains("ready\\-file"), "{}", run.stdout);

    let run = sluice(&["man", "nun"]).await;
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.stderr,
        "error: there is no command `nun`; there are run, check, explain, diff, get, describe, apply, delete, history, rollback, key, endpoint, trace, tap, top, config, operator, context, demo, schema, version, completion, man, help\n"
    );
}

#[tokio::test]
async fn help_begins_with_an_example() {
    for command in [
        "run",
        "check",
        "diff",
        "get",
        "describe",
        "apply",
        "delete",
        "history",
        "rollback",
        "key",
        "key create",
        "key list",
        "key rotate",
        "key revoke",
        "endpoint",
        "endpoint drain",
        "endpoint undrain",
        "endpoint weight",
        "endpoint clear",
        "trace",
        "tap",
        "top",
        "config",
        "operator",
        "context",
        "context list",
        "context use",
        "context show",
        "context add",
        "demo",
        "schema",
        "version",
        "completion",
        "man",
    ] {
        let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let run = sluice(&words).await;
        assert!(run.success().starts_with("Example:\n  "), "{command}: {}", run.stdout);
        assert!(run.stdout.lines().nth(1).unwrap().contains(&format!("sluice {command}")), "{command}: {}", run.stdout);
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let command = format!("{SLUICE} schema | head -n 1");
    let run = tool::run("bash", &["-o", "pipefail", "-c", &command]).await;
    assert_eq!(run.success(), "{\n");
    assert_eq!(run.stderr, "");
}

//! The embedded store: what is kept, what is forgotten, and what is left when a writer is killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    fs::OpenOptions,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use revisions::{CommitError, Draft, Embedded, Lazy, Store};
use serde_json::json;

fn draft(n: u64) -> Draft {
    // Long enough for several pages, and wrong if any of it is of another revision.
    let routes: Vec<_> = (0..200).map(|index| json!({ "name": format!("r{index}"), "n": n })).collect();
    let document = serde_json::from_value(json!({ "version": 1, "routes": routes })).unwrap();
    Draft {
        time: SystemTime::UNIX_EPOCH,
        author: "me".into(),
        message: format!("the {n}th"),
        document: Arc::new(document),
    }
}

fn numbers(store: &Embedded, before: Option<u64>, most: usize) -> Vec<u64> {
    store.list(before, most).unwrap().iter().map(|meta| meta.number).collect()
}

#[test]
fn revisions_are_there_again_and_the_oldest_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revisions.redb");
    let store = Embedded::open(&path, 3).unwrap();
    assert_eq!(store.latest().unwrap(), None);
    for n in 0..5 {
        assert_eq!(store.commit(n, draft(n + 1)).unwrap().meta.number, n + 1);
    }
    drop(store);
    let store = Embedded::open(&path, 3).unwrap();
    assert_eq!(store.latest().unwrap().unwrap().document.to_map()["routes"][7]["n"], 5);
    assert_eq!(numbers(&store, None, 10), [5, 4, 3]);
    assert_eq!(numbers(&store, Some(5), 1), [4]);
    assert_eq!(store.get(3).unwrap().unwrap().meta.message, "the 3th");
    assert_eq!(store.get(2).unwrap(), None);
}

#[test]
fn of_two_who_saw_the_same_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(&folder.path().join("r"), 10).unwrap();
    let won: usize = thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn({
                    let store = &store;
                    move || store.commit(0, draft(n))
                })
            })
            .collect();
        let tries = tries.into_iter().map(|tried| tried.join().unwrap());
        tries.filter(|tried| tried.as_ref().map_or_else(|error| *error != CommitError::Stale(1), |_| true)).count()
    });
    assert_eq!(won, 1);
    assert_eq!(store.commit(7, draft(1)), Err(CommitError::Stale(1)));
}

#[test]
fn a_file_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    std::fs::write(&path, vec![7; 10_000]).unwrap();
    let error = Embedded::open(&path, 10).err().unwrap().to_string();
    assert!(error.starts_with(&format!("{}: the revisions cannot be read", path.display())), "{error}");
}

#[test]
fn a_file_is_made_with_the_first_revision_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/revisions.redb");
    let store = Lazy::new(path.clone(), 10);
    assert_eq!((store.latest(), store.get(1), store.list(None, 9)), (Ok(None), Ok(None), Ok(Vec::new())));
    assert!(!path.parent().unwrap().exists());
    // Left by somebody who was killed.
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(path.with_extension("redb.new"), "half").unwrap();
    assert_eq!(store.commit(0, draft(1)).unwrap().meta.number, 1);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, std::fs::read_dir(path.parent().unwrap()).unwrap().count()), (0o600, 1));
    assert!(Lazy::new(path.clone(), 10).latest().unwrap_err().contains("--state"), "it is open");
    drop(store);
    assert_eq!(Lazy::new(path, 10).latest().unwrap().unwrap().meta.number, 1);
}

/// Runs as a process of its own: writes revision after revision, and says so, until it is killed.
#[test]
fn writer() {
    let Ok(path) = env::var("SLUICE_TEST_REVISIONS") else { return };
    let store = Embedded::open(Path::new(&path), 20).unwrap();
    loop {
        let seen = store.latest().unwrap().map_or(0, |latest| latest.meta.number);
        store.commit(seen, draft(seen + 1)).unwrap();
        println!("kept {}", seen + 1);
    }
}

#[test]
fn whoever_is_killed_leaves_the_old_or_the_new() {
    let kills = env::var("SLUICE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(25);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let said = folder.path().join("said");
    for kill in 0..kills {
        let mut output = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&said).unwrap();
        let mut writer = Command::new(env::current_exe().unwrap())
            .args(["writer", "--exact", "--nocapture"])
            .env("SLUICE_TEST_REVISIONS", &path)
            .stdout(Stdio::from(output.try_clone().unwrap()))
            .spawn()
            .unwrap();
        // Another moment of its work each time.
        thread::sleep(Duration::from_micros(20_000 + kill * 7_919 % 60_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let mut text = String::new();
        output.flush().unwrap();
        output.seek(SeekFrom::Start(0)).unwrap();
        output.read_to_string(&mut text).unwrap();
        let answered = text.lines().rev().find_map(|line| line.strip_prefix("kept ")?.parse::<u64>().ok());

        let store = Embedded::open(&path, 20).unwrap();
        let Some(latest) = store.latest().unwrap() else { continue };
        let number = latest.meta.number;
        assert!(answered.is_none_or(|answered| number == answered || number == answered + 1), "{answered:?}, {number}");
        let document = latest.document.to_map();
        let routes = document["routes"].as_array().unwrap();
        assert!(routes.len() == 200 && routes.iter().all(|route| route["n"] == number), "revision {number} is mixed");
        let kept = numbers(&store, None, 30);
        assert!(kept.windows(2).all(|pair| pair[0] == pair[1] + 1), "{kept:?}");
    }
}

use std::{
    env,
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use control::{Control, Main};
use model::Address;
use revisions::edit::Edit;
use serde_json::json;
use testkit::client;

use crate::{object, order, route, start};

/// Tells the writer where its state is.
const VARIABLE: &str = "SLUICE_TEST_CHANGES";

fn run(state: &Path) -> Control {
    let admin = Address::Tcp("127.0.0.1:0".parse().unwrap());
    start(Main::Kept { folder: state.to_owned(), admin }, state).unwrap().0
}

/// Runs as a process of its own: makes change after change, and says so, until it is killed.
#[test]
fn writer() {
    let Ok(state) = env::var(VARIABLE) else { return };
    let control = run(Path::new(&state));
    loop {
        let number = control.live_revision() + 1;
        let routes: Vec<_> = (0..50).map(|n| route(&format!("r{n}"), &format!("/{n}"), &number.to_string())).collect();
        let document = object(json!({
            "gateway": { "workers": 1, "grace": "1s" },
            "listeners": [{ "name": "web", "address": "127.0.0.1:0" }],
            "routes": routes,
        }));
        control.change(order(vec![Edit::Replace { document: document.into() }])).unwrap();
        println!("live {number}");
    }
}

#[tokio::test]
async fn whoever_is_killed_serves_the_old_or_the_new_next() {
    let kills = env::var("SLUICE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(25);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut seen = 0;
    for kill in 0..kills {
        let mut output = tempfile::tempfile().unwrap();
        let mut writer = Command::new(env::current_exe().unwrap())
            .args(["killed::writer", "--exact", "--nocapture"])
            .env(VARIABLE, &state)
            .stdout(Stdio::from(output.try_clone().unwrap()))
            .spawn()
            .unwrap();
        // Another moment of its work each time.
        thread::sleep(Duration::from_micros(30_000 + kill * 7_919 % 90_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let mut text = String::new();
        output.seek(SeekFrom::Start(0)).unwrap();
        output.read_to_string(&mut text).unwrap();
        let answered = text.lines().rev().find_map(|line| line.strip_prefix("live ")?.parse::<u64>().ok());

        let control = run(&state);
        let number = control.live_revision();
        assert!(
            number >= seen && answered.is_none_or(|answered| [0, 1].contains(&(number - answered))),
            "{answered:?}, {number}"
        );
        seen = number;
        if number > 0 {
            let address = control.listeners()[0].1.to_string().parse().unwrap();
            let mut client = client::Client::http1(address).await;
            for path in ["/0", "/17", "/49"] {
                assert_eq!(client.get(path).await.text(), number.to_string(), "{path}");
            }
        }
        control.drain();
    }
    assert!(seen > 0, "every writer was killed before its first change");
}

//! How a gateway process is started, asked and ended, with a small program in its place.

use std::fs;

use testkit::gateway::{Process, Signal};

/// Takes the arguments of `sluice run`; a file of the repository, because a program that was just written may still be
/// open for writing in a process that another test is starting, and then it cannot be run.
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-in.sh");

#[tokio::test]
async fn learns_the_addresses_and_ends_in_order() {
    let settings = Process::with("routes: []\n").program(STAND_IN).argument("--more").env("GREETING", "hello");
    let process = settings.start().await;
    assert_eq!(process.address("web"), "127.0.0.1:3".parse().unwrap());
    assert_eq!(process.admin(), "127.0.0.1:2".parse().unwrap());
    process.says("more arguments: --more; GREETING=hello").await;

    let document = fs::read_to_string(process.document()).unwrap();
    assert!(document.starts_with("version: 1\ngateway: {"), "{document}");
    assert!(document.ends_with("\nroutes: []\n"), "{document}");

    process.signal(Signal::TERM);
    let exit = process.wait_exit().await;
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), "draining\n"));
}

#[tokio::test]
async fn a_bad_document_gives_what_the_program_says() {
    let exit = Process::with("bad: true\n").program(STAND_IN).try_start().await.unwrap_err();
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(1), "sluice.yaml:3: it says so itself\n"));
}

#[tokio::test]
#[should_panic(expected = "it says so itself")]
async fn a_gateway_that_does_not_start_fails_the_test_with_its_words() {
    Process::with("bad: true\n").program(STAND_IN).start().await;
}

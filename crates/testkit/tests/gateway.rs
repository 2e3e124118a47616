//! How a gateway process is started, asked and ended, with a small program in its place.

use std::fs;

use http::{Request, Response};
use testkit::{
    body, demo,
    gateway::{Process, Signal},
    origin::{Origin, Peer},
};

/// Takes the arguments of `sluice run`; a file of the repository, because a program that was just written may still be
/// open for writing in a process that another test is starting, and then it cannot be run.
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-in.sh");

#[tokio::test]
async fn learns_the_addresses_and_ends_in_order() {
    let web = demo::users(1).await.unwrap();
    let admin = generations().await;
    let settings = Process::with("routes: []\n").program(STAND_IN).argument("--more");
    let process = settings.env("WEB", web.address.to_string()).env("ADMIN", admin.address.to_string()).start().await;
    assert_eq!((process.address("web"), process.admin()), (web.address, admin.address));
    process.says("more arguments: --more").await;

    let document = fs::read_to_string(process.document()).unwrap();
    assert!(document.starts_with("version: 1\ngateway: {"), "{document}");
    assert!(document.ends_with("\nroutes: []\n"), "{document}");

    process.reload_and_wait("version: 1\ngateway: {}\n").await;
    assert_eq!(fs::read_to_string(process.document()).unwrap(), "version: 1\ngateway: {}\n");
    assert!(process.generation().await > 2.0, "asked before and after");

    process.signal(Signal::TERM);
    let exit = process.wait_exit().await;
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), "draining\n"));
}

/// Metrics of a gateway that has published as many documents as it was asked for metrics.
async fn generations() -> Origin {
    Origin::start(async |request: Request<_>| {
        let asked = request.extensions().get::<Peer>().map_or(0, |peer| peer.request);
        Response::new(body::full(format!("# TYPE sluice_config_generation gauge\nsluice_config_generation {asked}\n")))
    })
    .await
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

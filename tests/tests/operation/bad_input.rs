//! What a gateway cannot start with: one clear error with its place, exit 1, nothing half-started.

use std::fs;

use testkit::{
    certs::Authority,
    client::tool::Run,
    gateway::{self, Process},
};
use tokio::net::{TcpListener, TcpStream};

/// It ended with 1, and all that it said is one error at this place with these words.
#[track_caller]
fn is_one_error(run: &Run, place: &str, words: &[&str]) {
    let told = format!("expected {place} with {words:?}, found {:?}\n{}", run.code, run.stderr);
    assert_eq!(run.code, Some(1), "{told}");
    assert_eq!(run.stdout, "", "{told}");
    let errors: Vec<_> = run.stderr.lines().filter(|line| line.contains("error: ")).collect();
    let [error] = errors[..] else { panic!("{told}") };
    assert!(error.starts_with(&format!("{place}: error: ")), "{told}");
    assert!(words.iter().all(|word| run.stderr.contains(word)), "{told}");
}

/// Starts a document that must not start. Its lines count from the two that the kit puts in front.
async fn refused(document: &str) -> Run {
    match Process::with(document).try_start().await {
        Ok(_) => panic!("it started:\n{document}"),
        Err(run) => run,
    }
}

#[tokio::test]
async fn wrong_documents() {
    const CASES: &[(&str, &str, &[&str])] = &[
        ("listeners: [\n", "sluice.yaml:3:12", &["close it"]),
        ("listenres: []\n", "sluice.yaml:3:1", &["listenres", "listeners"]),
        ("listeners:\n  - { name: web, address: nowhere }\n", "sluice.yaml:4:27", &["nowhere"]),
        ("listeners:\n  - { name: web }\n", "sluice.yaml:4:5", &["address"]),
        (
            "listeners:\n  - { name: web, address: \"127.0.0.1:0\" }\n  - { name: web, address: \"127.0.0.1:0\" }\n",
            "sluice.yaml:5:13",
            &["web", "sluice.yaml:4:13"],
        ),
        ("listeners: []\nroutes:\n  - { name: a, upstream: user }\n", "sluice.yaml:5:26", &["user"]),
        ("listeners: []\nroutes:\n  - { name: a, respond: { status: 99 } }\n", "sluice.yaml:5:35", &["99"]),
        (
            "listeners: []\nroutes:\n  - { name: a, respond: {}, policies: [{ corse: {} }] }\n",
            "sluice.yaml:5:42",
            &["corse", "cors"],
        ),
        (
            "listeners:\n  - { name: web, address: \"${NO_SUCH_VARIABLE}\" }\n",
            "sluice.yaml:4:27",
            &["NO_SUCH_VARIABLE"],
        ),
        ("version: 7\n", "sluice.yaml:2:10", &["7"]),
    ];
    for (document, place, words) in CASES {
        is_one_error(&refused(document).await, place, words);
    }
}

/// Nobody mends a document one mistake at a time.
#[tokio::test]
async fn all_mistakes_at_once() {
    let run = refused(
        "listenres: []\nroutes:\n  - { name: a, upstream: nobody }\n  - { name: b, respond: { status: 99 } }\n",
    )
    .await;
    let places: Vec<_> = run.stderr.lines().filter_map(|line| line.split(": error: ").next()).collect();
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stderr.matches(": error: ").count(), 3, "{}", run.stderr);
    assert!(places.is_sorted(), "{}", run.stderr);
}

/// Files that the document names.
#[tokio::test]
async fn bad_certificates() {
    let authority = Authority::new();
    let (one, other) = (authority.server("one", &["a.test"]), authority.server("other", &["b.test"]));
    let (text, directory) = (authority.directory().join("text.pem"), authority.directory().to_owned());
    fs::write(&text, "no PEM at all\n").unwrap();
    let missing = directory.join("missing.pem");
    let cases = [
        (&missing, &one.key, "missing.pem"),
        (&one.cert, &missing, "missing.pem"),
        (&one.cert, &other.key, "other.key"),
        (&text, &one.key, "text.pem"),
        (&one.cert, &text, "text.pem"),
        (&directory, &one.key, &*directory.to_string_lossy()),
    ];
    for (cert, key, word) in cases {
        let certificate = format!("{{ cert: \"{}\", key: \"{}\" }}", cert.display(), key.display());
        let document = format!(
            "listeners:\n  - {{ name: web, address: \"127.0.0.1:0\", tls: {{ certificates: [{certificate}] }} }}\n"
        );
        is_one_error(&refused(&document).await, "sluice.yaml:4:5", &[word]);
    }
    let document = format!(
        "listeners: []\nupstreams:\n  - {{ name: a, endpoints: [\"a.test:443\"], tls: {{ ca: \"{}\" }} }}\n",
        missing.display()
    );
    is_one_error(&refused(&document).await, "sluice.yaml:5:5", &["missing.pem"]);
}

/// Addresses that somebody else has, or nobody can have; the listeners that could be bound are let go.
#[tokio::test]
async fn addresses_that_cannot_be_bound() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().map(|address| (address.to_string(), taken)).unwrap();
    let (address, _held) = &taken;
    let cases = [
        (&**address, "in use"),
        ("203.0.113.1:0", "203.0.113.1"),
        ("unix:/no/such/folder/socket", "/no/such/folder/socket"),
    ];
    for (address, word) in cases {
        let document = format!(
            "listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n  - {{ name: other, address: \"{address}\" }}\n"
        );
        is_one_error(&refused(&document).await, "sluice.yaml:5:5", &[word, "other"]);
        let admin = format!(
            "version: 1\ngateway:\n  admin: {{ address: \"{address}\" }}\nlisteners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n"
        );
        is_one_error(&refused(&admin).await, "sluice.yaml:3:21", &[word]);
    }
    TcpStream::connect(address).await.expect("whoever was there is still there");
}

/// Files that cannot be read or written.
#[tokio::test]
async fn unreadable_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("latin1.yaml"), b"version: 1\nlisteners: []\n# caf\xe9\n").unwrap();
    fs::write(path("empty.yaml"), "").unwrap();
    let cases = [
        (path("missing.yaml"), "1:1", "No such file"),
        (path(""), "1:1", "directory"),
        (path("latin1.yaml"), "3:1", "UTF-8"),
        (path("empty.yaml"), "1:1", "version"),
    ];
    for (file, place, word) in cases {
        let run = gateway::command(&["run", "-c", &file]).await;
        is_one_error(&run, &format!("{file}:{place}"), &[word]);
    }
    let log = "version: 1\ngateway: { access_log: { path: /no/such/folder/access.log } }\nlisteners: []\n";
    let run = refused(log).await;
    assert_eq!((run.code, run.stderr.lines().count()), (Some(1), 1), "{}", run.stderr);
    assert!(run.stderr.starts_with("error: ") && run.stderr.contains("/no/such/folder/access.log"), "{}", run.stderr);
}

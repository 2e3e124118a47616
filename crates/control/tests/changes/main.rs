//! Changes at run time, of a real gateway on port 0: what is served, what is kept, and what is left alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Whose objects are whose.
mod owners;
/// What is no good.
mod refused;
/// Killed at any moment.
mod killed;
/// What comes of a change.
mod served;

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use control::{Applied, Control, Main, Options, Refusal};
use message::Token;
use model::{Address, Service};
use revisions::edit::{Edit, List};
use serde_json::{Map, Value, json};
use snapshot::{ChangeError, ChangeOrder, ChangeTold};
use tempfile::TempDir;
use testkit::client;
use upstream::discovery::{Hear, Registries, Watch};

/// A gateway in this process, with its folder.
struct Gateway {
    control: Arc<Control>,
    folder: TempDir,
}

/// There are no registries here.
struct Nowhere;

impl Registries for Nowhere {
    fn watch(&self, _: &Service, _: Arc<dyn Hear>) -> Watch {
        Box::pin(std::future::pending())
    }
}

const HEAD: &str =
    "version: 1\ngateway: { workers: 1, grace: 1s }\nlisteners: [{ name: web, address: \"127.0.0.1:0\" }]\n";

fn start(main: Main, state: &Path) -> Result<(Control, Applied), Refusal> {
    Control::start(Options {
        main,
        kinds: Box::new(policy::Registry::new(policies::kinds())),
        further: Vec::new(),
        version: "0",
        registries: Box::new(|_| Arc::new(Nowhere)),
        state: Some(state.to_owned()),
        home: Box::new(|_, _, _| Err(std::io::Error::other("nobody keeps anything elsewhere"))),
        worker_begins: || (),
        housekeeping: || (),
        token: Box::new(|| Ok(Token::new("secret").unwrap())),
        exposed: Vec::new(),
    })
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("no object: {value}") };
    object
}

/// A route for `path` that answers with `body`.
fn route(name: &str, path: &str, body: &str) -> Map<String, Value> {
    object(json!({ "name": name, "match": { "path": path }, "respond": { "body": body } }))
}

fn put(route: Map<String, Value>) -> Edit {
    Edit::Put { list: List::Routes, name: route["name"].as_str().unwrap().to_owned(), object: route }
}

fn order(edits: Vec<Edit>) -> ChangeOrder {
    ChangeOrder { edits, author: "ann".into(), message: "because".into(), ..ChangeOrder::default() }
}

// === impl Gateway ===

impl Gateway {
    /// With a document of the operator's: a listener `web`, and this.
    fn with_file(rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("sluice.yaml"), format!("{HEAD}{rest}")).unwrap();
        Self::start(folder)
    }

    /// Without any document.
    fn empty() -> Self {
        Self::start(tempfile::tempdir().unwrap())
    }

    fn start(folder: TempDir) -> Self {
        let (control, _) = start(Self::main(&folder), &folder.path().join("state")).unwrap();
        Self { control: Arc::new(control), folder }
    }

    fn main(folder: &TempDir) -> Main {
        let file = folder.path().join("sluice.yaml");
        if file.exists() {
            return Main::File(file);
        }
        let admin = Address::Tcp("127.0.0.1:0".parse().unwrap());
        Main::Kept { folder: folder.path().join("state"), admin }
    }

    /// Ends it, and starts it again.
    fn restart(self) -> Self {
        let Self { control, folder } = self;
        control.drain();
        drop(control);
        Self::start(folder)
    }

    fn write_file(&self, rest: &str) {
        fs::write(self.folder.path().join("sluice.yaml"), format!("{HEAD}{rest}")).unwrap();
    }

    fn change(&self, edits: Vec<Edit>) -> Result<ChangeTold, ChangeError> {
        self.control.change(order(edits))
    }

    fn address(&self) -> SocketAddr {
        let listeners = self.control.listeners();
        let (_, address) = listeners.first().unwrap();
        address.to_string().parse().unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let answer = client::get(self.address(), path).await;
        if answer.status == 200 { answer.text().to_owned() } else { answer.status.to_string() }
    }

    fn revisions(&self) -> Vec<u64> {
        self.control.revisions(None, 100).unwrap().iter().map(|meta| meta.number).collect()
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("state/revisions.redb")
    }
}

//! What one document says otherwise than another, in its own words, and which requests that sends elsewhere.
//!
//! Documents are compared as they are written, key by key, so that a key that nobody here has heard of is compared as
//! well. What is written otherwise and means the same is no difference.

/// For people.
mod display;
/// Listeners, upstreams, routes and consumers, found again by their names.
mod items;
/// Requests that go elsewhere.
mod requests;
/// Two trees, key by key.
mod tree;

use std::time::SystemTime;

use model::{Model, Node, Place, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use items::Item;
use items::{Meanings, Things};
pub use requests::{Becomes, Moved};
pub use tree::{Change, What};

use crate::Snapshot;

/// A document: as it is written, as it was checked, and compiled.
#[derive(Clone, Copy)]
pub struct Edition<'d> {
    pub root: &'d Node,
    pub model: &'d Model,
    pub snapshot: &'d Snapshot,
}

/// What has changed between two documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// Nothing has changed, and no request that was tried goes elsewhere.
    pub same: bool,
    pub gateway: Vec<Change>,
    pub listeners: Vec<Item>,
    pub upstreams: Vec<Item>,
    pub routes: Vec<Item>,
    pub consumers: Vec<Item>,
    pub operators: Vec<Item>,
    /// Examples of requests that go elsewhere, one for each two routes.
    pub requests: Vec<Moved>,
    /// Further ones, that are not told.
    pub omitted: usize,
}

/// Compares two documents. Their tests are left out: what is expected changes nothing.
///
/// Requests that are made for the routes of either document are asked of both, as if they came at `now`, unless a route
/// wants another time. Only some are made, so that none goes elsewhere proves little.
pub fn diff(old: Edition<'_>, new: Edition<'_>, now: SystemTime) -> Diff {
    let meanings = Meanings::of(old.model, new.model);
    let gateway = match meanings.are_same(&old.model.gateway, &new.model.gateway) {
        true => Vec::new(),
        false => {
            let [old, new] = [old, new].map(|edition| edition.root.get("gateway").cloned().unwrap_or_else(empty));
            tree::changes(Some(&old), Some(&new))
        }
    };
    let listeners = [old, new].map(|edition| edition.things("listeners", &edition.model.listeners));
    let upstreams = [old, new].map(|edition| edition.things("upstreams", &edition.model.upstreams));
    let routes = [old, new].map(|edition| edition.things("routes", &edition.model.routes));
    let listeners = Item::all(&listeners[0], &listeners[1], &meanings);
    let upstreams = Item::all(&upstreams[0], &upstreams[1], &meanings);
    let routes = Item::all(&routes[0], &routes[1], &meanings);
    let consumers = [old, new].map(|edition| edition.things("consumers", &edition.model.consumers));
    let consumers = Item::all(&consumers[0], &consumers[1], &meanings);
    let operators = [old, new].map(|edition| edition.things("operators", &edition.model.operators));
    let operators = Item::all(&operators[0], &operators[1], &meanings);
    let (requests, omitted) = requests::moved(old, new, &routes, now);
    let items = [&listeners, &upstreams, &routes, &consumers, &operators];
    let same = gateway.is_empty() && items.iter().all(|items| items.is_empty()) && requests.is_empty();
    Diff { same, gateway, listeners, upstreams, routes, consumers, operators, requests, omitted }
}

/// Without `gateway`, everything of it is as it is by default.
fn empty() -> Node {
    let place = Place { file: "".into(), line: 1, column: 1 };
    Node { place, value: Value::Map(Vec::new()) }
}

// === impl Edition ===

impl<'d> Edition<'d> {
    /// A list of the document, whose model has one for each.
    fn things<M>(self, key: &str, meanings: &'d [M]) -> Things<'d, M> {
        Things { nodes: self.root.get(key).map(Node::items).unwrap_or_default(), meanings }
    }
}

//! What the API keeps: a document of its own, merged behind the operator's files.
//!
//! ```text
//! files ─────┐
//! overlay ───┼─▶ the document: what two of them name is that of the first
//! catalogs ──┘
//! ```
//! `gateway` belongs to the files, where there are any. Nothing in an overlay is replaced from the environment.

/// Behind the files.
mod merge;
/// JSON to the text that is read.
mod text;

use std::{io, path::Path, sync::Arc};

use model::{Address, EtcdHome, Home};
use revisions::{Document, Lazy, Revision, Store};
use serde_json::json;

pub(crate) use self::{
    merge::{has_too_much, merge},
    text::text,
};
use crate::{Main, source};

/// What stands in places of it where files have their path.
pub(crate) const NAME: &str = "api";

/// Of the file in the state directory.
pub const FILE: &str = "revisions.redb";

/// More revisions are forgotten, the oldest first.
const MOST: u64 = 500;

/// Opens the store of a home that is elsewhere: where, the state directory, and how many revisions are kept.
pub type OpenHome = Box<dyn FnOnce(&EtcdHome, &Path, u64) -> io::Result<Arc<dyn Store>>>;

/// Where the overlay is kept.
pub(crate) struct Overlay {
    /// As at the start.
    home: Home,
    /// Or why nothing is.
    store: Result<Arc<dyn Store>, &'static str>,
    /// The admin address of a document that names none, if there is no file that could.
    admin: Option<Address>,
}

// === impl Overlay ===

impl Overlay {
    /// Where the operator's files want it. Touches nothing yet.
    ///
    /// # Errors
    /// It is elsewhere, and there is nothing to begin with.
    pub(crate) fn new(main: &Main, state: Option<&Path>, elsewhere: OpenHome) -> io::Result<Self> {
        let home = source::gateway(main).home;
        let store = match (&home, state) {
            (Home::ReadOnly, _) => Err("nothing can be changed here: `gateway.home` is `read_only`"),
            (_, None) => Err("nothing can be changed here: there is no state directory"),
            (Home::State, Some(folder)) => Ok(Arc::new(Lazy::new(folder.join(FILE), MOST)) as Arc<dyn Store>),
            (Home::Etcd(home), Some(folder)) => Ok(elsewhere(home, folder, MOST)?),
        };
        let admin = match main {
            Main::File(_) => None,
            Main::Kept { admin, .. } => Some(admin.clone()),
        };
        Ok(Self { home, store, admin })
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// What keeps it.
    ///
    /// # Errors
    /// Nothing does: why.
    pub(crate) fn store(&self) -> Result<&Arc<dyn Store>, &'static str> {
        self.store.as_ref().map_err(|why| *why)
    }

    /// The revision in force; `None` if nothing was ever changed, or nothing can be.
    ///
    /// # Errors
    /// It cannot be read: why.
    pub(crate) fn latest(&self) -> Result<Option<Arc<Revision>>, String> {
        self.store.as_ref().map_or(Ok(None), |store| store.latest())
    }

    /// It is live.
    pub(crate) fn in_force(&self, revision: &Arc<Revision>) {
        if let Ok(store) = &self.store {
            store.in_force(revision);
        }
    }

    /// The one that was in force before the start, if the store knows that better than [`Overlay::latest`].
    pub(crate) fn last_in_force(&self) -> Option<Arc<Revision>> {
        self.store.as_ref().ok()?.last_in_force()
    }

    /// A document as the text that is read with the files; `None` if there is none.
    pub(crate) fn text(&self, document: Option<&Document>) -> Option<Arc<str>> {
        let Some(admin) = &self.admin else { return document.map(|document| text(document).into()) };
        let mut document = document.cloned().unwrap_or_default();
        let mut gateway = document.value("gateway").cloned().unwrap_or_else(|| json!({}));
        if let Some(gateway) = gateway.as_object_mut() {
            let address = || json!({ "address": admin.to_string() });
            gateway.entry("admin").or_insert_with(address);
            document.insert("gateway", json!(gateway));
        }
        Some(text(&document).into())
    }
}

//! Files that are read again.

use std::{io, sync::Arc};

use model::Further;
use revisions::Revision;
use tokio::sync::watch;

use super::{Applied, Prepared, Refusal};
use crate::{
    Control, Files, further,
    source::{self, Sources},
};

// === impl Control ===

impl Control {
    /// Reads the document again and makes it the world of every new exchange: whole, or not at all.
    ///
    /// # Errors
    /// As [`Control::start`]; the old world goes on.
    pub fn reload(&self) -> Result<Applied, Refusal> {
        let _turn = self.turn();
        let latest = self.overlay.latest().map_err(|why| Refusal::Io(io::Error::other(why)))?;
        let live = self.state().revision.clone();
        match self.reload_with(latest.clone()) {
            Err(refusal) if latest != live => {
                // What others made, and is no good here, does not keep anybody from mending files.
                self.reload_with(live).inspect(|_| tracing::error!("the newest revision is refused: {refusal}"))
            }
            reloaded => reloaded,
        }
    }

    /// Makes the newest revision live if it is another one: others may have made it. `None`: it is live.
    pub fn follow_revisions(&self) -> Option<Result<Applied, Refusal>> {
        let _turn = self.turn();
        let latest = match self.overlay.latest() {
            Ok(latest) => latest,
            Err(why) => return Some(Err(Refusal::Io(io::Error::other(why)))),
        };
        let is_new = latest != self.state().revision;
        is_new.then(|| self.reload_with(latest))
    }

    /// Told whenever there may be another revision than the one that is live. `None`: nobody else makes any.
    pub fn revisions_come(&self) -> Option<watch::Receiver<u64>> {
        let mut come = self.overlay.store().ok()?.changed()?;
        // One may have come before anybody waited.
        come.mark_changed();
        Some(come)
    }

    /// Why what is live is not what is to be, as far as revisions are concerned.
    pub fn revision_trouble(&self) -> Option<String> {
        let store = self.overlay.store().ok()?;
        store.trouble().or_else(|| {
            let latest = store.latest().ok()??;
            // Asked by probes: documents may be large, and who made it, when, tells revisions of one number apart.
            let is_live = self.state().revision.as_ref().is_some_and(|live| live.meta == latest.meta);
            (!is_live).then(|| format!("revision {} is not in force here", latest.meta.number))
        })
    }

    fn reload_with(&self, revision: Option<Arc<Revision>>) -> Result<Applied, Refusal> {
        let mut files = Files::default();
        let text = self.overlay.text(revision.as_ref().map(|revision| &*revision.document));
        match self.load(text.as_ref(), &mut files) {
            Ok(prepared) => Ok(self.publish(prepared, revision)),
            Err(refusal) => {
                // So that mending any of the files is noticed.
                self.state().files.extend(files);
                self.metrics.config_refused();
                Err(refusal)
            }
        }
    }

    /// The documents that are to have a say beside the files from the next reload on, where the files ask for a catalog.
    pub fn set_further(&self, further: Vec<Further>) {
        self.state().further = further.into();
    }

    /// What the files say now with this overlay, without those of the catalogs that stand in its way. `files` are those that
    /// have a say.
    pub(crate) fn load(&self, overlay: Option<&Arc<str>>, files: &mut Files) -> Result<Prepared, Refusal> {
        let (kept, mut further) = {
            let state = self.state();
            (state.kept.clone(), state.further.clone())
        };
        loop {
            let mut loaded = source::load(Sources { main: &self.main, overlay, further: &further }, &kept);
            *files = loaded.files.clone();
            scheduling::give_way();
            loaded.model.iter_mut().for_each(|model| self.discovery.fill(model, Some(&self.snapshot())));
            match self.prepare(loaded) {
                Err(Refusal::Document(report)) if !further.is_empty() => further = further::innocent(&further, &report),
                prepared => return prepared,
            }
        }
    }
}

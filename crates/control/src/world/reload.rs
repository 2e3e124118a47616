//! Files that are read again.

use std::{io, sync::Arc};

use model::Further;

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
        let mut files = Files::default();
        let revision = self.overlay.latest().map_err(|why| Refusal::Io(io::Error::other(why)))?;
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
            loaded.model.iter_mut().for_each(|model| self.discovery.fill(model, Some(&self.snapshot())));
            match self.prepare(loaded) {
                Err(Refusal::Document(report)) if !further.is_empty() => further = further::innocent(&further, &report),
                prepared => return prepared,
            }
        }
    }
}

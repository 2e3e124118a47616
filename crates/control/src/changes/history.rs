//! Revisions that were.

use std::{sync::Arc, time::SystemTime};

use revisions::{Meta, Revision};
use snapshot::{ChangeError, Diff, Edition};

use crate::{Compiled, Control, source::Sources, world};

// === impl Control ===

impl Control {
    /// The newest first: at most so many, older than `before` if one is given.
    ///
    /// # Errors
    /// They cannot be read: why.
    pub fn revisions(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String> {
        self.overlay.store().map_or(Ok(Vec::new()), |store| store.list(before, most))
    }

    /// A revision with the document that it kept, secrets and all.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn revision(&self, number: u64) -> Result<Arc<Revision>, ChangeError> {
        let store = self.overlay.store().map_err(|_| ChangeError::NoRevision(number))?;
        store.get(number).map_err(ChangeError::Failed)?.ok_or(ChangeError::NoRevision(number))
    }

    /// What a revision says otherwise than another, each with the files as they are now; 0 is the one before the first.
    ///
    /// # Errors
    /// One of them is gone, or is no good any more.
    pub fn compare(&self, old: u64, new: u64) -> Result<Diff, ChangeError> {
        let [old, new] = [self.compiled(old)?, self.compiled(new)?];
        Ok(snapshot::diff(edition(&old), edition(&new), SystemTime::now()))
    }

    fn compiled(&self, number: u64) -> Result<Compiled, ChangeError> {
        let document = match number {
            0 => Arc::default(),
            _ => self.revision(number)?.document.clone(),
        };
        let text = self.overlay.text(Some(&document));
        let further = self.state().further.clone();
        let sources = Sources { main: &self.main, overlay: text.as_ref(), further: &further };
        world::compile_sources(sources, &*self.kinds).map_err(|refusal| super::refused(&refusal, text.as_deref()))
    }
}

fn edition(compiled: &Compiled) -> Edition<'_> {
    let Compiled { root, model, snapshot } = compiled;
    Edition { root, model, snapshot }
}

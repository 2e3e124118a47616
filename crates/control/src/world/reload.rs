//! Files that are read again.

use model::Further;

use super::{Applied, Prepared, Refusal};
use crate::{Control, Files, further, source};

// === impl Control ===

impl Control {
    /// Reads the document again and makes it the world of every new exchange: whole, or not at all.
    ///
    /// # Errors
    /// As [`Control::start`]; the old world goes on.
    pub fn reload(&self) -> Result<Applied, Refusal> {
        let _turn = self.turn();
        let mut files = Files::default();
        match self.load(&mut files) {
            Ok(prepared) => Ok(self.publish(prepared)),
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

    /// What the sources say now, without those of the catalogs that stand in its way. `files` are those that have a say.
    fn load(&self, files: &mut Files) -> Result<Prepared, Refusal> {
        let (kept, mut further) = {
            let state = self.state();
            (state.kept.clone(), state.further.clone())
        };
        loop {
            let mut loaded = source::load(&self.path, &kept, &further);
            *files = loaded.files.clone();
            loaded.model.iter_mut().for_each(|model| self.discovery.fill(model, Some(&self.snapshot())));
            match self.prepare(loaded) {
                Err(Refusal::Document(report)) if !further.is_empty() => further = further::innocent(&further, &report),
                prepared => return prepared,
            }
        }
    }
}

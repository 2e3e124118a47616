//! A document to a snapshot, or all that stands in its way.

use std::{path::Path, sync::Arc};

use model::{Further, Kept, Model, Node, Report};
use snapshot::{Kinds, Snapshot};

use super::Refusal;
use crate::{
    Main, further,
    source::{self, Loaded, Sources},
};

/// A document that is good, for whoever asks it without serving it.
pub struct Compiled {
    /// As it is written.
    pub root: Node,
    pub model: Model,
    pub snapshot: Arc<Snapshot>,
}

/// Reports all that is wrong with the document at `path`, files that it names included. Listens nowhere.
pub fn check(path: &Path, kinds: &dyn Kinds) -> Report {
    let main = Main::File(path.to_owned());
    let loaded = source::load(Sources { main: &main, overlay: None, further: &[] }, &Kept::default());
    let mut report = loaded.report.clone();
    compile_or_say_why(&loaded, kinds, 1, None, &mut report);
    report
}

/// Compiles the document at `path`, with what it was made of. Listens nowhere.
///
/// # Errors
/// All problems of the document.
pub fn compile_document(path: &Path, kinds: &dyn Kinds) -> Result<Compiled, Refusal> {
    compile_sources(Sources { main: &Main::File(path.to_owned()), overlay: None, further: &[] }, kinds)
}

/// Likewise, of whatever a document is made of.
pub(crate) fn compile_sources(sources: Sources<'_>, kinds: &dyn Kinds) -> Result<Compiled, Refusal> {
    let (loaded, root) = source::load_with_tree(sources);
    let (snapshot, report) = compile(&loaded, kinds, 1, None)?;
    match (root, loaded.model) {
        (Some(root), Some(model)) => Ok(Compiled { root, model, snapshot }),
        // What cannot be read has no model.
        _ => Err(Refusal::Document(report)),
    }
}

/// The document, with those of the `further` documents that do not stand in its way.
pub(super) fn load_what_compiles(
    main: &Main,
    overlay: Option<&Arc<str>>,
    further: &Arc<[Further]>,
    kinds: &dyn Kinds,
) -> Loaded {
    let mut further = further.clone();
    loop {
        let loaded = source::load(Sources { main, overlay, further: &further }, &Kept::default());
        if further.is_empty() {
            return loaded;
        }
        match compile(&loaded, kinds, 1, None) {
            Err(Refusal::Document(report)) => further = further::innocent(&further, &report),
            _ => return loaded,
        }
    }
}

/// The snapshot of what was loaded, or all that stands in its way.
pub(super) fn compile(
    loaded: &Loaded,
    kinds: &dyn Kinds,
    workers: usize,
    previous: Option<&Snapshot>,
) -> Result<(Arc<Snapshot>, Report), Refusal> {
    let mut report = loaded.report.clone();
    match compile_or_say_why(loaded, kinds, workers, previous, &mut report) {
        Some(snapshot) if !report.has_errors() => Ok((Arc::new(snapshot), report)),
        _ => Err(Refusal::Document(report)),
    }
}

/// `None` if anything stands in the way; `report` then says what, all of it and in order.
fn compile_or_say_why(
    loaded: &Loaded,
    kinds: &dyn Kinds,
    workers: usize,
    previous: Option<&Snapshot>,
    report: &mut Report,
) -> Option<Snapshot> {
    let snapshot = match &loaded.model {
        Some(model) => snapshot::compile(model, kinds, workers, previous, report),
        None => {
            let gateway = model::Gateway { policies: loaded.policies.clone(), ..model::Gateway::default() };
            let rest = Model { gateway, ..Model::default() };
            snapshot::check_policies(&rest, kinds.policies(), report);
            snapshot::check_balancers(&loaded.balancers, kinds.balancers(), report);
            None
        }
    };
    report.sort();
    snapshot
}

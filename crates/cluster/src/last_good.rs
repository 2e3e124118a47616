//! The file with the revision that was in force last: what a start without etcd begins with.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use revisions::{Embedded, OpenError, Revision, Store};
use tokio::{sync::watch, task::spawn_blocking};

/// Opens the file of this prefix in the state directory, or makes it. What was in force below another prefix is none of ours.
///
/// # Errors
/// It is damaged, or open elsewhere.
pub(crate) fn open(state: &Path, prefix: &str) -> Result<(Embedded, Option<Arc<Revision>>), OpenError> {
    let path = state.join(format!("last-good{}.redb", fetch::encoded(prefix)));
    let failed = |error: io::Error| OpenError { path: path.clone(), why: error.to_string() };
    DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(failed)?;
    // Documents may hold secrets.
    OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
    let file = Embedded::open(&path, 1)?;
    let revision = file.latest().map_err(|why| OpenError { path, why })?;
    Ok((file, revision))
}

/// Writes what is in force, whenever it is another revision, and tells which one it tried to write last.
pub(crate) async fn keep(
    file: Embedded,
    mut in_force: watch::Receiver<Option<Arc<Revision>>>,
    tried: watch::Sender<Option<Arc<Revision>>>,
) {
    let file = Arc::new(file);
    while in_force.changed().await.is_ok() {
        let Some(revision) = in_force.borrow_and_update().clone() else { continue };
        let number = revision.meta.number;
        let (file, written) = (file.clone(), revision.clone());
        let written = spawn_blocking(move || file.replace(&written)).await;
        if let Err(why) = written.unwrap_or_else(|error| Err(error.to_string())) {
            tracing::warn!(number, why, "the revision in force was not written to the state directory");
        }
        tried.send_replace(Some(revision));
    }
}

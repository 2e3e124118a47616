//! What the gateway keeps on the disk for a start without its registries.

use std::{fs, path::Path};

use testkit::eventually;

/// Waits until the folder has a JSON file with this text. Files with other names, such as the token, are not looked at.
pub(crate) async fn kept(folder: &Path, text: &str) {
    let has = async || {
        let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut files = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.any(|file| fs::read_to_string(file).is_ok_and(|content| content.contains(text))).then_some(())
    };
    eventually("it is kept on the disk", has).await;
}

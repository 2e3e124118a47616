//! Where scripts learn that traffic is served, and where.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// `{"admin":"127.0.0.1:1234","listeners":{"web":"127.0.0.1:5678"}}`, with `registry` beside if there is one: there while
/// traffic is served, and always whole.
#[derive(Debug)]
pub(super) struct ReadyFile {
    path: PathBuf,
    /// What it holds.
    written: Option<String>,
}

/// Where everything listens.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    pub(super) admin: Option<String>,
    pub(super) registry: Option<String>,
    pub(super) listeners: Vec<(Arc<str>, String)>,
}

// === impl ReadyFile ===

impl ReadyFile {
    /// Takes away what a gateway before this one may have left: whoever waits for the file must not find that.
    pub(super) fn new(path: PathBuf) -> Result<Self, Failure> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure(&path, &error)),
            _ => Ok(Self { path, written: None }),
        }
    }

    /// Replaces it in one step if the addresses are others than those that it holds.
    pub(super) fn write(&mut self, addresses: &Addresses) -> Result<(), Failure> {
        let text = text(addresses);
        if self.written.as_ref() == Some(&text) {
            return Ok(());
        }
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".{}.new", std::process::id()));
        let beside = PathBuf::from(beside);
        let written = fs::write(&beside, &text).and_then(|()| fs::rename(&beside, &self.path));
        written.map_err(|error| failure(&self.path, &error))?;
        self.written = Some(text);
        Ok(())
    }

    /// Traffic is served no more.
    pub(super) fn remove(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the ready file");
        }
    }
}

fn text(Addresses { admin, registry, listeners }: &Addresses) -> String {
    let listeners: Map<String, Value> =
        listeners.iter().map(|(name, address)| (name.to_string(), json!(address))).collect();
    let mut text = json!({ "admin": admin, "listeners": listeners });
    if let Some(registry) = registry {
        text["registry"] = json!(registry);
    }
    format!("{text}\n")
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::Other(format!("cannot write the ready file {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(names: &[&str]) -> Addresses {
        let listeners = names.iter().map(|name| (Arc::from(*name), format!("unix:/{name}"))).collect();
        Addresses { listeners, ..Addresses::default() }
    }

    #[test]
    fn says_what_is_bound_and_nothing_that_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        fs::write(&path, "of another gateway").unwrap();
        let mut file = ReadyFile::new(path.clone()).unwrap();
        assert!(!path.exists());

        file.write(&Addresses { admin: Some("unix:/admin".to_owned()), ..listeners(&["web"]) }).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"admin\":\"unix:/admin\",\"listeners\":{\"web\":\"unix:/web\"}}\n"
        );
        file.write(&Addresses { registry: Some("unix:/r".to_owned()), ..listeners(&["a", "b"]) }).unwrap();
        let expected =
            "{\"admin\":null,\"listeners\":{\"a\":\"unix:/a\",\"b\":\"unix:/b\"},\"registry\":\"unix:/r\"}\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        file.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone/ready.json");
        let mut file = ReadyFile::new(path.clone()).unwrap();
        let failure = file.write(&Addresses::default()).unwrap_err().to_string();
        assert!(failure.contains(path.to_str().unwrap()), "{failure}");
    }
}

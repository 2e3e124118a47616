//! Several gateways, by name: a file in the folder for settings of whoever asks them.

use std::{
    env, fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use control::Refusal;
use model::{Place, Report};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// The file.
#[derive(Debug)]
pub(crate) struct Contexts {
    path: PathBuf,
    written: Written,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The one that is meant if nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    #[serde(default)]
    contexts: Vec<Context>,
}

/// A gateway, and what shows that one may ask it. It holds no secret: those have files of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    pub(crate) name: String,
    /// Its admin address.
    pub(crate) server: String,
    /// Relative to the folder of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// Likewise; who vouches for an address with https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

/// Says where the file is.
const VARIABLE: &str = "SLUICE_CONTEXTS";

// === impl Contexts ===

impl Contexts {
    /// None yet.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, written: Written::default() }
    }

    /// Those that there are. No file is no context.
    pub(crate) fn read() -> Result<Self, Failure> {
        let contexts = Self::at(usual().unwrap_or_default());
        let text = match fs::read_to_string(&contexts.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(contexts),
            Err(error) => return Err(contexts.failed(&error.to_string())),
        };
        contexts.check_permissions()?;
        let written = written(&contexts.path, &text).map_err(Refusal::Document)?;
        Ok(Self { written, ..contexts })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn current(&self) -> Option<&str> {
        self.written.current.as_deref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Context> {
        self.written.contexts.iter().map(|context| context.below(self.path.parent()))
    }

    pub(crate) fn get(&self, name: &str) -> Result<Context, Failure> {
        self.iter().find(|context| context.name == name).ok_or_else(|| {
            let known: Vec<_> = self.written.contexts.iter().map(|context| &*context.name).collect();
            let there = match &*known {
                [] => "there are none; `sluice context add` makes one".to_owned(),
                known => format!("there are {}", known.join(", ")),
            };
            let nearest = model::nearest(name, known).map(|nearest| format!("; did you mean `{nearest}`?"));
            self.failed(&format!("there is no context `{name}`; {there}{}", nearest.unwrap_or_default()))
        })
    }

    /// One more. The first one is the current one from then on.
    pub(crate) fn add(&mut self, context: Context) -> Result<(), Failure> {
        if self.iter().any(|known| known.name == context.name) {
            return Err(self.failed(&format!("there is a context `{}`; change it there", context.name)));
        }
        self.written.current.get_or_insert_with(|| context.name.clone());
        self.written.contexts.push(context);
        Ok(())
    }

    /// From now on this one is meant if nobody says.
    pub(crate) fn choose(&mut self, name: &str) -> Result<(), Failure> {
        self.get(name)?;
        self.written.current = Some(name.to_owned());
        Ok(())
    }

    /// Writes the file anew, whole or not at all.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let Some(folder) = self.path.parent().filter(|_| !self.path.as_os_str().is_empty()) else {
            return Err(Failure::Other(format!("nobody says where contexts are kept; set HOME or {VARIABLE}")));
        };
        let value = serde_json::to_value(&self.written).map_err(|error| self.failed(&error.to_string()))?;
        let written = || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            // Of its owner only.
            let mut file = NamedTempFile::new_in(folder)?;
            file.write_all(model::yaml(&value).as_bytes())?;
            file.persist(&self.path).map(drop).map_err(|error| error.error)
        };
        written().map_err(|error: io::Error| self.failed(&format!("it cannot be written: {error}")))
    }

    /// Who can write it says where tokens are sent.
    fn check_permissions(&self) -> Result<(), Failure> {
        let metadata = fs::metadata(&self.path).map_err(|error| self.failed(&error.to_string()))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o022 == 0 {
            return Ok(());
        }
        let path = self.path.display();
        let why = format!("others can change it (mode {mode:o}), and so have your tokens sent to themselves");
        Err(self.failed(&format!("{why}; `chmod go-w {path}`")))
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::Other(format!("{}: {why}", self.path.display()))
    }
}

// === impl Context ===

impl Context {
    /// One without a name.
    pub(crate) fn at(server: &str) -> Self {
        Self { name: String::new(), server: server.to_owned(), token_file: None, ca: None }
    }

    /// With paths as whoever is elsewhere writes them.
    fn below(&self, folder: Option<&Path>) -> Self {
        let folder = folder.unwrap_or(Path::new(""));
        let below = |path: &Option<PathBuf>| path.as_ref().map(|path| folder.join(path));
        Self { token_file: below(&self.token_file), ca: below(&self.ca), ..self.clone() }
    }
}

/// Where the file is, as the XDG Base Directory Specification has it, unless somebody says otherwise.
fn usual() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = variable(VARIABLE) {
        return Some(path);
    }
    let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))?;
    Some(folder.join("sluice/contexts.yaml"))
}

fn written(path: &Path, text: &str) -> Result<Written, Report> {
    let mut report = Report::default();
    let node = model::parse(&path.display().to_string(), text, &|name| env::var(name).ok(), &mut report);
    let Some(node) = node.filter(|_| !report.has_errors()) else { return Err(report) };
    let Some(written) = model::decode::<Written>(&node, &mut report) else { return Err(report) };
    let mut known: Vec<(&str, &Place)> = Vec::new();
    for item in node.near("contexts").items() {
        let (name, place) = (item.near("name").text().unwrap_or_default(), &item.near("name").place);
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => report.error(place, format!("the context `{name}` is there already, at {first}")),
            None => known.push((name, place)),
        }
    }
    if report.has_errors() { Err(report) } else { Ok(written) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let report = written(Path::new("contexts.yaml"), text).unwrap_err();
        report.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let problem = problems("contexts:\n  - { name: a, server: b, tokenfile: c }\n").remove(0);
        assert!(problem.starts_with("contexts.yaml:2:"), "{problem}");
        assert!(problem.ends_with("did you mean `token_file`?"), "{problem}");
        let problem = problems("contexts: [{ name: a, server: b }, { name: a, server: c }]\n").remove(0);
        assert!(problem.contains("the context `a` is there already, at contexts.yaml:1:"), "{problem}");
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut contexts = Contexts::at(folder.path().join("new/contexts.yaml"));
        let context = |name: &str| Context {
            name: name.to_owned(),
            server: "https://gateway".to_owned(),
            token_file: Some("prod.token".into()),
            ca: None,
        };
        contexts.add(context("prod")).unwrap();
        contexts.add(context("test")).unwrap();
        assert!(contexts.add(context("prod")).is_err());
        assert_eq!(contexts.current(), Some("prod"), "the first");
        contexts.choose("test").unwrap();
        assert!(contexts.choose("other").is_err());
        contexts.save().unwrap();
        let mode = fs::metadata(contexts.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);

        let text = fs::read_to_string(contexts.path()).unwrap();
        let read = Contexts { written: written(contexts.path(), &text).unwrap(), ..contexts };
        assert_eq!(read.current(), Some("test"));
        let token_file = Some(folder.path().join("new/prod.token"));
        assert_eq!(read.get("prod").unwrap(), Context { token_file, ..context("prod") });
        fs::set_permissions(read.path(), fs::Permissions::from_mode(0o620)).unwrap();
        let error = read.check_permissions().unwrap_err().to_string();
        assert!(error.contains("others can change it (mode 620)") && error.contains("chmod go-w"), "{error}");
    }
}

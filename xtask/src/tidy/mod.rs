//! `cargo xtask tidy`: the rules of ARCHITECTURE.md that no compiler checks.
//!
//! - [`crates`]: which crate may name which.
//! - [`rust`]: reasons for `unsafe`, no fixed ports in tests, metric names in one place, no file that is too long.
//! - [`notes`]: no work left behind as a note.
//! - [`links`]: every link of the documentation leads somewhere.
//!
//! A rule can be left for one line, or for one file, by a comment that says why; see [`source::Source::allows`].

mod crates;
mod links;
mod notes;
mod rust;
mod source;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use source::Source;

/// What a rule has to say about one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    /// Relative to the workspace's root.
    file: PathBuf,
    /// Counted from 1.
    line: usize,
    what: String,
    why: &'static str,
    instead: String,
}

/// Checks the whole tree; prints every problem, not only the first.
pub(crate) fn run() -> Result<(), String> {
    let root = crate::root();
    let files = files(&root)?;
    let mut problems = crates::check(&crate::metadata()?, &root);
    for (path, text) in &files {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                let source = Source::read(path, text);
                problems.extend(rust::check(&source));
                problems.extend(notes::check_rust(&source));
            }
            Some("md") => {
                problems.extend(links::check(&root, path, text));
                problems.extend(notes::check_text(path, text));
            }
            _ => problems.extend(notes::check_text(path, text)),
        }
    }
    problems.sort();
    for problem in &problems {
        println!("{problem}\n");
    }
    match problems.len() {
        0 => {
            println!("tidy: {} files, nothing to say", files.len());
            Ok(())
        }
        1 => Err("tidy found 1 problem".into()),
        many => Err(format!("tidy found {many} problems")),
    }
}

/// Every text file that is ours, with its path below `root`, sorted.
fn files(root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    /// Built, fetched or recorded, not written.
    const SKIPPED: &[&str] = &["target", "node_modules", "snapshots", "corpus"];
    /// Hidden folders that hold something of ours.
    const HIDDEN: &[&str] = &[".ci", ".cargo", ".github"];
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let hidden = name.starts_with('.') && !HIDDEN.contains(&name.as_str());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !hidden && !SKIPPED.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() && !hidden && name != "Cargo.lock" {
                // What is not text has nothing to read.
                let Ok(text) = fs::read_to_string(&path) else { continue };
                found.push((path.strip_prefix(root).unwrap_or(&path).to_path_buf(), text));
            }
        }
    }
    found.sort();
    Ok(found)
}

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}: {}", self.file.display(), self.line, self.what)?;
        writeln!(f, "  why: {}", self.why)?;
        write!(f, "  instead: {}", self.instead)
    }
}

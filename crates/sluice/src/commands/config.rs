//! `sluice config`

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use http::Method;
use revisions::{Embedded, Store};
use serde_json::{Map, Value};

use crate::{
    client::{Path as Asked, Running, block_on, change::Told},
    failure::Failure,
    output,
};

/// Takes what the admin API keeps out of a gateway, or puts it into one
///
/// So it moves from one home (`gateway.home`) to another: export it from a gateway with the old one, import it into one
/// with the new one. What stands in files is not part of it.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice config export > overlay.json\n  \
                              sluice config import overlay.json --server 10.0.0.2:9901 --message 'Move to etcd'")]
pub(crate) struct Config {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    Export(Export),
    Import(Import),
}

/// Prints what the API keeps, as JSON
///
/// A gateway does not tell secrets: `<redacted>` stands in their place, and an import with it is refused. Its state
/// directory holds them.
#[derive(Debug, Args)]
struct Export {
    #[command(flatten)]
    running: Running,
    /// Ask nobody: read the state directory of a gateway that has ended, secrets and all
    #[arg(long, conflicts_with_all = ["server", "context"])]
    offline: bool,
}

/// Replaces what the API keeps, in one change
///
/// Nothing changes if anything about it is wrong.
#[derive(Debug, Args)]
struct Import {
    /// What `sluice config export` printed; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    running: Running,
    /// Only tell what would come of it
    #[arg(long)]
    dry_run: bool,
    /// Why, for the history
    #[arg(long, value_name = "TEXT", default_value = "import")]
    message: String,
}

// === impl Config ===

impl Config {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.order {
            Order::Export(order) => order.run(),
            Order::Import(order) => order.run(),
        }
    }
}

// === impl Export ===

impl Export {
    fn run(self) -> Result<ExitCode, Failure> {
        let document: Map<String, Value> = if self.offline {
            kept(self.running.folder())?
        } else {
            let remote = self.running.find()?;
            block_on(remote.get_json(&Asked::new(&["config"]).with("only", "api")))?
        };
        let mut text = serde_json::to_string_pretty(&document)
            .map_err(|error| Failure::Other(format!("this cannot be told as JSON: {error}")))?;
        text.push('\n');
        output::print(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Import ===

impl Import {
    fn run(self) -> Result<ExitCode, Failure> {
        let document = read(&self.file)?;
        let remote = self.running.find()?;
        let path = Asked::new(&["config"]).with("message", &self.message).flag("dry_run", self.dry_run);
        let told = Told::read(block_on(remote.send(Method::PUT, &path, document))?)?;
        output::print(told.to_string().as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The newest revision in a state directory: what the API kept there, or what was in force last of what is in etcd.
fn kept(folder: &Path) -> Result<Map<String, Value>, Failure> {
    let failed = |why: String| Failure::Other(format!("{}: {why}", folder.display()));
    let files = fs::read_dir(folder).map_err(|error| failed(error.to_string()))?;
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).filter(|path| is_of_revisions(path)).collect();
    paths.sort();
    let [path] = &paths[..] else {
        return Err(failed(format!("there are {} files with revisions in it, and one is needed", paths.len())));
    };
    let revision = Embedded::open(path, u64::MAX).map_err(|error| failed(error.to_string()))?.latest();
    let revision = revision.map_err(failed)?;
    Ok(revision.map(|revision| revision.document.to_map()).unwrap_or_default())
}

fn is_of_revisions(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == control::REVISIONS || name.starts_with("last-good") && name.ends_with(".redb")
}

/// The document in a file, if it is one: whoever mixes files up should hear of it before anybody is asked.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let read = match file.to_str() {
        Some("-") => io::stdin().lock().read_to_end(&mut text).map(drop),
        _ => fs::read(file).map(|read| text = read),
    };
    let failed = |why: String| Failure::Other(format!("{}: {why}", file.display()));
    read.map_err(|error| failed(error.to_string()))?;
    match serde_json::from_slice::<Map<String, Value>>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(failed(format!("this is not what `sluice config export` prints: {error}"))),
    }
}

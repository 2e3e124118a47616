//! `sluice run`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use control::Main;
use model::{Address, FromText, values::ListenAddress};

use crate::{
    admin_token::State,
    builtins::Known,
    failure::Failure,
    log::Levels,
    serve::{self, Server},
};

/// Serves a document until a signal ends it
///
/// The document is read again when it, or a file that it names, changes, and on SIGHUP, which also opens the files
/// of access logs anew. A document with an error changes nothing. SIGTERM and Ctrl-C end it once what is under way is done, or the
/// grace time of the document is over; a second Ctrl-C ends it at once.
///
/// With --state, without -c and without a sluice.yaml here, there is no file: the document is what operators write by the
/// admin API, and is kept in the state directory.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice run -c sluice.yaml")]
pub(crate) struct Run {
    /// The document [default: sluice.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen for operators here, if there is no document that says where
    #[arg(long, value_name = "ADDRESS", value_parser = address, default_value = "127.0.0.1:9901", conflicts_with = "config")]
    admin: Address,
    /// Write the bound addresses to this file, as JSON, once traffic is served
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    state: State,
}

/// The document of a folder.
const DOCUMENT: &str = "sluice.yaml";

// === impl Run ===

impl Run {
    pub(super) fn run(self, kinds: Known, levels: Levels) -> Result<ExitCode, Failure> {
        serve::block_on(async {
            let server = Server::start(self.main(), self.ready_file, self.state, kinds, levels)?;
            Ok(server.run().await)
        })
    }

    /// Where the document stands. A file that is not there is an error, unless somebody says where else it is kept.
    fn main(&self) -> Main {
        let file = self.config.as_deref().unwrap_or(Path::new(DOCUMENT));
        if self.config.is_none() && self.state.is_named() && !file.exists() {
            return Main::Kept { folder: self.state.folder().to_owned(), admin: self.admin.clone() };
        }
        Main::File(file.to_owned())
    }
}

fn address(text: &str) -> Result<Address, String> {
    ListenAddress::from_text(text).map(|ListenAddress(address)| address)
}

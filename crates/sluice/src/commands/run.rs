//! `sluice run`

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

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
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice run -c sluice.yaml")]
pub(crate) struct Run {
    /// The document
    #[arg(short, long, value_name = "FILE", default_value = "sluice.yaml")]
    config: PathBuf,
    /// Write the bound addresses to this file, as JSON, once traffic is served
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    state: State,
}

// === impl Run ===

impl Run {
    pub(super) fn run(self, kinds: Known, levels: Levels) -> Result<ExitCode, Failure> {
        serve::block_on(async {
            let server = Server::start(&self.config, self.ready_file, self.state, kinds, levels)?;
            Ok(server.run().await)
        })
    }
}

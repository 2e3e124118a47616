//! `sluice diff`

use std::{path::PathBuf, process::ExitCode, time::SystemTime};

use clap::Args;
use control::Compiled;
use snapshot::Edition;

use crate::{builtins::Known, failure::Failure, output};

/// Tells what changes from one document to another: things and their keys, and which requests go elsewhere
///
/// Requests are made for the routes of both documents and asked of both; nothing is sent. Settings of policies are not
/// shown, because they may hold secrets. The exit code is 0 if nothing has changed, 4 if something has, and 1 if one of
/// the documents is bad.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice diff sluice.yaml new.yaml")]
pub(crate) struct Diff {
    /// The document that is
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The document that shall be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Something has changed. Not 2, with which the command line is wrong, nor 3, with which no route takes a request.
const DIFFERENT: u8 = 4;

// === impl Diff ===

impl Diff {
    pub(super) fn run(self, kinds: &Known) -> Result<ExitCode, Failure> {
        let [old, new] = [&self.old, &self.new].map(|document| control::compile_document(document, kinds));
        let (old, new) = (old?, new?);
        let diff = snapshot::diff(edition(&old), edition(&new), SystemTime::now());
        output::tell(&diff, self.json)?;
        Ok(if diff.same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
    }
}

fn edition(compiled: &Compiled) -> Edition<'_> {
    let Compiled { root, model, snapshot } = compiled;
    Edition { root, model, snapshot }
}

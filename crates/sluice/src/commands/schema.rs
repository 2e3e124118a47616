//! `sluice schema`

use std::process::ExitCode;

use clap::Args;
use snapshot::Kinds;

use crate::{builtins::Known, failure::Failure, output};

/// Prints the JSON Schema of documents, for editors
///
/// An editor that knows the YAML language server completes and explains a document whose first line names the schema:
///
///   # yaml-language-server: $schema=schema.json
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice schema > schema.json", verbatim_doc_comment)]
pub(crate) struct Schema {}

// === impl Schema ===

impl Schema {
    pub(super) fn run(self, kinds: &Known) -> Result<ExitCode, Failure> {
        output::print(text(kinds).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The schema of documents, with the settings of every kind.
pub(super) fn text(kinds: &Known) -> String {
    format!("{:#}\n", kinds.schema())
}

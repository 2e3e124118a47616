//! `sluice schema`

use std::process::ExitCode;

use clap::Args;

use crate::{builtins, failure::Failure, output};

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
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        output::print(text().as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The schema of documents, with the settings of every built-in kind of policy.
pub(super) fn text() -> String {
    let registry = builtins::kinds();
    let kinds: Vec<_> = registry.iter().map(|kind| (kind.name(), kind.schema())).collect();
    format!("{:#}\n", model::schema(&kinds))
}

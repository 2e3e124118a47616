//! `sluice completion`

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::{failure::Failure, output};

/// Prints the script that completes this program's commands in a shell
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  source <(sluice completion bash)")]
pub(crate) struct Completion {
    /// The shell that reads it
    shell: Shell,
}

// === impl Completion ===

impl Completion {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "sluice", &mut script);
        output::print(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}

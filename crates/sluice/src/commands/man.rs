//! `sluice man`

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use super::Cli;
use crate::{failure::Failure, output};

/// Prints the manual page of the program, or of one command
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice man | man -l -")]
pub(crate) struct Man {
    /// The command; without it, the program
    command: Option<String>,
}

// === impl Man ===

impl Man {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut program = Cli::command();
        // Fills in what commands have of the program: its options, and their full names.
        program.build();
        let page = match &self.command {
            None => Page::new(program),
            Some(name) => match program.find_subcommand(name) {
                Some(command) => Page::new(command.clone().name(format!("sluice-{name}"))),
                None => return Err(unknown(name, &program)),
            },
        };
        let mut text = Vec::new();
        page.render(&mut text).map_err(|error| Failure::Other(format!("cannot write the page: {error}")))?;
        output::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn unknown(name: &str, program: &clap::Command) -> Failure {
    let known: Vec<_> = program.get_subcommands().map(clap::Command::get_name).collect();
    Failure::Other(format!("there is no command `{name}`; there are {}", known.join(", ")))
}

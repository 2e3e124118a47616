//! One file per command.

mod check;
mod completion;
mod config;
mod demo;
mod diff;
mod explain;
mod man;
mod operator;
mod run;
mod schema;
mod tap;
mod top;
mod trace;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    builtins::Known,
    failure::Failure,
    log::{self, Levels},
};

/// A microservice API gateway.
#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version = version::line(),
    before_long_help = "Example:\n  sluice demo                    try it, with services to try it on\n  \
                        sluice check -c sluice.yaml    all that is wrong with a document\n  \
                        sluice run -c sluice.yaml      serve\n  \
                        sluice explain -c sluice.yaml GET http://api.example.com/users/7    why it goes where it goes",
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) log: log::Settings,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Check(check::Check),
    Explain(explain::Explain),
    Diff(diff::Diff),
    Trace(trace::Trace),
    Tap(tap::Tap),
    Top(top::Top),
    Config(config::Config),
    Operator(operator::Operator),
    Demo(demo::Demo),
    Schema(schema::Schema),
    Version(version::Version),
    Completion(completion::Completion),
    Man(man::Man),
}

// === impl Command ===

impl Command {
    /// The code that the program ends with. What the program says is as much as `levels` says.
    pub(crate) fn run(self, kinds: Known, levels: Levels) -> Result<ExitCode, Failure> {
        match self {
            Self::Run(command) => command.run(kinds, levels),
            Self::Check(command) => command.run(&kinds),
            Self::Explain(command) => command.run(&kinds),
            Self::Diff(command) => command.run(&kinds),
            Self::Trace(command) => command.run(),
            Self::Tap(command) => command.run(),
            Self::Top(command) => command.run(),
            Self::Config(command) => command.run(),
            Self::Operator(command) => command.run(),
            Self::Demo(command) => command.run(kinds, levels),
            Self::Schema(command) => command.run(&kinds),
            Self::Version(command) => command.run(),
            Self::Completion(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}

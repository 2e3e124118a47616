//! One file per command.

mod apply;
mod check;
mod completion;
mod config;
mod context;
mod delete;
mod demo;
mod describe;
mod diff;
mod endpoint;
mod explain;
mod get;
mod history;
mod key;
mod man;
mod operator;
mod rollback;
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
                        sluice explain -c sluice.yaml GET http://api.example.com/users/7    why it goes where it goes\n  \
                        sluice get routes              what a running gateway has\n  \
                        sluice apply -f orders.yaml    change it",
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
    Get(get::Get),
    Describe(describe::Describe),
    Apply(apply::Apply),
    Delete(delete::Delete),
    History(history::History),
    Rollback(rollback::Rollback),
    Key(key::Key),
    Endpoint(endpoint::Endpoint),
    Trace(trace::Trace),
    Tap(tap::Tap),
    Top(top::Top),
    Config(config::Config),
    Operator(operator::Operator),
    Context(context::Context),
    Demo(demo::Demo),
    Schema(schema::Schema),
    Version(version::Version),
    Completion(completion::Completion),
    Man(man::Man),
}

/// What a command ends with that was asked for a difference, and there is one. Not 2, with which the command line is wrong.
const DIFFERENT: u8 = 3;

// === impl Command ===

impl Command {
    /// The code that the program ends with. What the program says is as much as `levels` says.
    pub(crate) fn run(self, kinds: Known, levels: Levels) -> Result<ExitCode, Failure> {
        match self {
            Self::Run(command) => command.run(kinds, levels),
            Self::Check(command) => command.run(&kinds),
            Self::Explain(command) => command.run(&kinds),
            Self::Diff(command) => command.run(&kinds),
            Self::Get(command) => command.run(),
            Self::Describe(command) => command.run(),
            Self::Apply(command) => command.run(),
            Self::Delete(command) => command.run(),
            Self::History(command) => command.run(),
            Self::Rollback(command) => command.run(),
            Self::Key(command) => command.run(),
            Self::Endpoint(command) => command.run(),
            Self::Trace(command) => command.run(),
            Self::Tap(command) => command.run(),
            Self::Top(command) => command.run(),
            Self::Config(command) => command.run(),
            Self::Operator(command) => command.run(),
            Self::Context(command) => command.run(),
            Self::Demo(command) => command.run(kinds, levels),
            Self::Schema(command) => command.run(&kinds),
            Self::Version(command) => command.run(),
            Self::Completion(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}

//! The binary: commands, signals, the visible list of built-ins.
//!
//! Whoever wants more on that list builds a program of his own around [`run`]; `examples/balancer` is one.

/// One file per command.
mod commands;
/// A gateway that runs, asked by commands.
mod client;
/// A gateway from its start to its last exchange.
mod serve;

/// What shows that somebody is an operator.
mod admin_token;
/// The kinds that this program knows.
mod builtins;
/// Why a command fails.
mod failure;
/// What the program says about itself while it runs.
mod log;
/// The allocator, and how it gives back.
mod memory;
/// The registries that this program can ask.
mod registries;
/// Standard output that may be cut short by `| head`.
mod output;

use std::process::ExitCode;

use clap::Parser;

pub use builtins::Kinds;
use commands::Cli;

/// Does what the command line says, with these kinds.
pub fn run(kinds: Kinds) -> ExitCode {
    memory::prefer_thrift();
    let cli = Cli::parse();
    let levels = log::start(cli.log);
    match cli.command.run(kinds.into(), levels) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            failure.code()
        }
    }
}

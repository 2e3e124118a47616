//! The binary: commands, signals, the visible list of built-ins.

/// One file per command.
mod commands;
/// A gateway from its start to its last exchange.
mod serve;

/// What shows that somebody is an operator.
mod admin_token;
/// The kinds of policies that this program knows.
mod builtins;
/// Why a command ends with 1.
mod failure;
/// What the program says about itself while it runs.
mod log;
/// The allocator, and how it gives back.
mod memory;
/// Standard output that may be cut short by `| head`.
mod output;

use std::process::ExitCode;

use clap::Parser;

use commands::Cli;

fn main() -> ExitCode {
    memory::prefer_thrift();
    let cli = Cli::parse();
    log::start(cli.log);
    match cli.command.run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

//! The gateway beside its peers, in one run on one machine.
//!
//! One program with several roles; the harness starts the others as children of its own:
//!
//! - [`origin`]: the upstream, fast and tiny, the same for every peer.
//! - [`load`]: the client: as much as goes (closed loop), or at a constant rate (open loop).
//! - [`bare`]: the floor: what a proxy costs that does nothing but copy.
//! - [`run`]: the harness: starts, warms up, measures, stops, prints the tables.
//! - [`routes`]: the routes of a large document.
//! - [`pinned`]: becomes another program, on one core, gone when the harness is gone.

mod bare;
mod load;
mod origin;
mod pinned;
mod routes;
mod run;
mod serve;

use std::process::ExitCode;

use clap::Parser;

/// What the bare proxy is measured with, so that the floor is not the system allocator's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the gateway beside its peers.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
enum Role {
    /// Runs cases against every peer and prints the tables
    Run(run::Args),
    /// Sends requests and says what came back
    Load(load::Args),
    /// Serves the bodies that the cases ask for, over HTTP/1.1 and HTTP/2 in clear text
    Origin(origin::Args),
    /// Serves as the bare proxy that the gateway is compared with
    Bare(bare::Args),
    /// Becomes another program, pinned to a core
    #[command(hide = true)]
    Pinned(pinned::Args),
}

/// Anything that ends a role; a measuring program has nothing to recover.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let outcome = match Role::parse() {
        Role::Run(args) => run::run(&args),
        Role::Load(args) => load::run(&args),
        Role::Origin(args) => origin::run(&args),
        Role::Bare(args) => bare::run(&args),
        Role::Pinned(args) => Err(pinned::run(&args)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `future` on a runtime of one thread, with room for futures that stay on it.
fn on_one_thread<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

//! The gateway with a balancer that does not come with it. All commands are there, and know of it:
//!
//! ```sh
//! cargo run -p own-balancer -- check -c sluice.yaml
//! ```

/// The first endpoint that has room.
mod first_fit;

use std::process::ExitCode;

use first_fit::FirstFit;
use sluice::Kinds;
use upstream::balance;

fn main() -> ExitCode {
    let mut kinds = Kinds::default();
    kinds.balancers.push(balance::erase::<FirstFit>());
    sluice::run(kinds)
}

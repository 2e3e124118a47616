//! Becomes another program, on one core, gone when the harness is gone.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::Command};

use rustix::{
    process::{Resource, Rlimit, Signal},
    thread::CpuSet,
};

use crate::{Failure, run::Cores};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The core to stay on; without it any
    #[arg(long)]
    core: Option<usize>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Returns only if the program cannot be started. What is set here outlives the change of program.
pub(crate) fn run(args: &Args) -> Failure {
    if let Err(failure) = settle(args.core) {
        return failure;
    }
    Command::new(&args.command[0]).args(&args.command[1..]).exec().into()
}

fn settle(core: Option<usize>) -> Result<(), Failure> {
    // A harness that was killed leaves no gateway behind on the machine.
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
    // As many descriptors as the machine lets us have: two for each of thousands of connections.
    let limit = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    stay(core)
}

/// Keeps this thread on `core`.
fn stay(core: Option<usize>) -> Result<(), Failure> {
    if let Some(core) = core {
        let mut cores = CpuSet::new();
        cores.set(core);
        rustix::thread::sched_setaffinity(None, &cores)?;
    }
    Ok(())
}

/// Keeps this thread where it takes no time from the gateway, nor from who sends requests.
pub(crate) fn aside() {
    // It is no reason to give up if the kernel refuses.
    _ = stay(Cores::of_this_machine().load);
    give_way();
}

/// Has this thread run only while nobody else wants its core: whoever wakes there interrupts it at once. (Behind `nice 19` they
/// would wait for the end of its slice.)
fn give_way() {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads one structure behind the pointer, which lives until the call returns, and changes nothing but how
    // the calling thread (0) is scheduled.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
}

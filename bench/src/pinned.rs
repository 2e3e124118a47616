//! Becomes another program, on one core, gone when the harness is gone.

use std::{
    ffi::OsString,
    hint::spin_loop,
    os::unix::process::CommandExt as _,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustix::{
    process::{Resource, Rlimit, Signal},
    thread::CpuSet,
};

use crate::Failure;

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

/// Keeps all cores awake, by threads that do nothing and give way to everybody, until it is dropped.
///
/// A core of a virtual machine that has nothing to do is given to others, and comes back when they let it go: that is how long
/// requests then take which arrive one by one, whatever they are served by.
pub(crate) struct Awake {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Keeps this thread on `core`.
pub(crate) fn stay(core: Option<usize>) -> Result<(), Failure> {
    if let Some(core) = core {
        let mut cores = CpuSet::new();
        cores.set(core);
        rustix::thread::sched_setaffinity(None, &cores)?;
    }
    Ok(())
}

/// Has this thread run only while nobody else wants its core: whoever wakes there interrupts it at once. (Behind `nice 19` they
/// would wait for the end of its slice.)
pub(crate) fn give_way() {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads one structure behind the pointer, which lives until the call returns, and changes nothing but how
    // the calling thread (0) is scheduled.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
}

// === impl Awake ===

impl Awake {
    pub(crate) fn keep() -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let spin = |core| {
            let is_over = is_over.clone();
            thread::spawn(move || {
                if stay(Some(core)).is_ok() {
                    give_way();
                    while !is_over.load(Ordering::Relaxed) {
                        spin_loop();
                    }
                }
            })
        };
        let threads = (0..thread::available_parallelism().map_or(1, usize::from)).map(spin).collect();
        Self { is_over, threads }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            _ = thread.join();
        }
    }
}

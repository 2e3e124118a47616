//! The thread on which the world is changed.
//!
//! Always the same one: what a change frees, another one has taken, and an allocator gives back to its own thread for a fraction
//! of what it takes to give it to others.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::Duration,
};

use crate::memory;

/// A way to the thread, which ends with the last one.
#[derive(Clone)]
pub(super) struct Changes(Sender<Job>);

type Job = Box<dyn FnOnce() + Send>;

/// Why there is no answer: what a change panicked with.
type Panic = Box<dyn Any + Send>;

/// Without a change for so long, memory goes back to the machine: the thread may not allocate again for days.
const PAUSE: Duration = Duration::from_secs(1);

// === impl Changes ===

impl Changes {
    /// # Errors
    /// The operating system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let (sender, jobs) = channel::<Job>();
        scheduling::background("changes", move || {
            while let Ok(first) = jobs.recv() {
                first();
                loop {
                    match jobs.recv_timeout(PAUSE) {
                        Ok(next) => next(),
                        Err(RecvTimeoutError::Timeout) => break memory::give_back(),
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Makes a change when those before it are made, and blocks until then.
    ///
    /// # Errors
    /// It panicked.
    pub(super) fn make<T: Send + 'static>(&self, change: impl FnOnce() -> T + Send + 'static) -> Result<T, Panic> {
        let (told, answer) = channel();
        // What a change leaves half done, it has to be safe to find: it locks, and locks that were poisoned are opened.
        let job = move || {
            // Whoever waited for it may be gone.
            _ = told.send(catch_unwind(AssertUnwindSafe(change)));
        };
        let gone = || Box::new("the thread that makes changes is gone") as Panic;
        self.0.send(Box::new(job)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn changes_are_made_on_one_thread_whatever_becomes_of_them() {
        let changes = Changes::start().expect("a thread");
        let on = || changes.make(|| thread::current().id()).expect("an answer");
        let first = on();
        let panic = changes.make(|| panic!("a change that breaks off")).map(|(): ()| ()).expect_err("a panic");
        assert_eq!(panic.downcast_ref(), Some(&"a change that breaks off"));
        assert_eq!(on(), first);
        assert_ne!(first, thread::current().id());
    }
}

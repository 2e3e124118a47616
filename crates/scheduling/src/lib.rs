//! Who goes first where threads want the same core: those that serve requests.
//!
//! ```text
//! worker          slices of 0.2 ms: whoever of them wakes interrupts everybody else
//! all the others  ten steps of `nice` behind: registries, health, logs, traces, changes, what is kept on the disk
//! ```

use std::{
    io, mem,
    thread::{Builder, JoinHandle},
    time::Duration,
};

/// The slice of a worker. The kernel lets a thread that wakes interrupt one whose slices are longer (those of everybody else
/// have 3 ms), so that a worker need not wait until the control plane has read what a registry told. Its share of the
/// processor stays the same.
const SLICE: Duration = Duration::from_micros(200);

/// Has the calling thread run as soon as it wakes, where the kernel knows slices (Linux 6.12): a wish, whose refusal is no error.
pub fn prefer_latency() {
    let Some(mut attributes) = attributes() else { return };
    // Whoever gave us a real-time policy wants something else, and there this number means something else.
    if ![libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(attributes.sched_policy as i32)) {
        return;
    }
    attributes.sched_runtime = SLICE.as_nanos() as u64;
    // SAFETY: the kernel reads as many bytes from behind the pointer as `size` in there says, which are those of the
    // structure; it changes nothing but how the calling thread (0) is scheduled.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

/// How much all that is not a worker stands back, in steps of `nice`: where there is too little of the processor, it gets a tenth of
/// what a worker gets.
const STEPS_BACK: i32 = 10;

/// Has the calling thread stand back behind workers where both want the processor: changes come a little later then, and nobody
/// who is served notices them.
pub fn stand_back() {
    // On Linux it is of the thread, not of the process. Somebody may have placed it behind already, and it does not go back.
    if rustix::process::getpriority_process(None).is_ok_and(|nice| nice < STEPS_BACK) {
        _ = rustix::process::setpriority_process(None, STEPS_BACK);
    }
}

/// A thread for work that nobody who is served waits for: it stands back behind workers.
///
/// # Errors
/// The operating system gives no thread.
pub fn background<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        stand_back();
        work()
    })
}

/// How the calling thread is scheduled.
fn attributes() -> Option<libc::sched_attr> {
    const SIZE: usize = size_of::<libc::sched_attr>();
    // SAFETY: it is made of integers, for which zero is a value.
    let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most `SIZE` bytes behind the pointer, which is to so many that are ours alone; 0 is the
    // calling thread.
    let refused = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
    (refused == 0).then_some(attributes)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn background_stands_back_and_nobody_else() {
        let nice = || attributes().expect("a thread may ask about itself").sched_nice;
        let twice = move || {
            stand_back();
            nice()
        };
        let other = || thread::spawn(nice).join().expect("the thread");
        let before = other();
        let first = background("first", nice).expect("a thread").join().expect("the thread");
        let again = background("again", twice).expect("a thread").join().expect("the thread");
        assert_eq!([first, again, other()], [before.max(STEPS_BACK), before.max(STEPS_BACK), before]);
    }

    #[test]
    fn slices_get_shorter_and_nothing_else_changes() {
        let [before, after] = thread::spawn(|| {
            let before = attributes();
            prefer_latency();
            [before, attributes()].map(|attributes| attributes.expect("a thread may ask about itself"))
        })
        .join()
        .expect("the thread");
        assert_eq!((before.sched_policy, before.sched_nice), (after.sched_policy, after.sched_nice));
        // Kernels that know no slices tell none.
        let expected = if before.sched_runtime == 0 { 0 } else { SLICE.as_nanos() as u64 };
        assert_eq!(after.sched_runtime, expected);
    }
}

//! Who goes first where threads want the same core: those that serve requests.
//!
//! ```text
//! workers         in short slices, so that they go first when they wake
//! all the others  behind them: registries, health, logs, traces, changes, what is kept on the disk
//! ```

use std::{
    io, mem,
    thread::{Builder, JoinHandle},
    time::Duration,
};

/// How far back a thread stands, in steps of `nice`. Where there is too little of the processor it gets a fifteenth of what
/// a worker gets: enough for a change to be live in time, and little for those who are served meanwhile.
const STEPS: i32 = 12;

/// The slice of a worker. The kernel (Linux 6.12) lets a thread that wakes interrupt one whose slices are longer, as those of
/// other programs are (3 ms). Its share of the processor stays the same.
const SERVING: Duration = Duration::from_micros(200);

/// The slice of a thread that stands back, the shortest there is: when it has its turn beside a worker that wants to go on, the
/// kernel decides anew so soon, and not at its next tick, milliseconds later.
const BEHIND: Duration = Duration::from_micros(100);

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

/// Has the calling thread, and those that it begins, stand back behind workers: changes come a little later then, and nobody who
/// is served notices them. A wish, whose refusal is no error.
///
/// `SCHED_BATCH` is what keeps a thread from interrupting a worker when it wakes, as it does after every write to a disk, however
/// far back it stands: without it, the kernel lets it make up at once for what it was behind.
pub fn stand_back() {
    let Some(mut attributes) = attributes() else { return };
    // Whoever gave us another policy wants something else.
    if attributes.sched_policy != libc::SCHED_OTHER as u32 {
        return;
    }
    attributes.sched_policy = libc::SCHED_BATCH as u32;
    attributes.sched_nice = attributes.sched_nice.max(STEPS);
    attributes.sched_runtime = BEHIND.as_nanos() as u64;
    wish(&attributes);
}

/// Has the calling thread, which serves requests, run as soon as it wakes. A wish as well.
pub fn go_first() {
    let Some(mut attributes) = attributes() else { return };
    // Under a real-time policy, which somebody else gave us, this number means something else.
    if ![libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(attributes.sched_policy as i32)) {
        return;
    }
    attributes.sched_runtime = SERVING.as_nanos() as u64;
    wish(&attributes);
}

/// Lets a worker go on that wants the core, between two parts of what takes milliseconds: the kernel may have found it a few
/// microseconds too early to interrupt this thread, and would not look again before its next tick. It costs less than one.
pub fn give_way() {
    std::thread::yield_now();
}

/// How the calling thread is to be scheduled.
fn wish(attributes: &libc::sched_attr) {
    // SAFETY: the kernel reads as many bytes from behind the pointer as `size` in there says, which are those of the
    // structure; it changes nothing but how the calling thread (0) is scheduled.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *attributes, 0) };
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

    /// Policy, `nice` and slice in nanoseconds.
    fn told() -> (u32, i32, u64) {
        let told = attributes().expect("a thread may ask about itself");
        (told.sched_policy, told.sched_nice, told.sched_runtime)
    }

    /// Kernels that know no slices tell none.
    fn slice(wished: Duration, (.., told): (u32, i32, u64)) -> u64 {
        if told == 0 { 0 } else { wished.as_nanos() as u64 }
    }

    #[test]
    fn slices_of_workers_get_shorter_and_nothing_else_changes() {
        let first = || {
            let before = told();
            go_first();
            [before, told()]
        };
        let [before, after] = thread::spawn(first).join().expect("the thread");
        assert_eq!(after, (before.0, before.1, slice(SERVING, before)));
    }

    #[test]
    fn background_stands_back_and_nobody_else() {
        let other = || thread::spawn(told).join().expect("the thread");
        let before = other();
        let twice = || {
            stand_back();
            told()
        };
        let first = background("first", told).expect("a thread").join().expect("the thread");
        let again = background("again", twice).expect("a thread").join().expect("the thread");
        let heir = background("heir", other).expect("a thread").join().expect("the thread");
        assert_eq!([first, again], [(libc::SCHED_BATCH as u32, before.1.max(STEPS), slice(BEHIND, before)); 2]);
        assert_eq!((heir.0, heir.1), (first.0, first.1), "who is begun by one that stands back does so as well");
        assert_eq!(other(), before);
    }
}

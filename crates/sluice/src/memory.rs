//! The allocator of the program.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Memory in small pages from now on. The threads of the control plane touch little of what their heaps reserve, and a
/// huge page for each would be most of what an idle gateway holds (8 of 22 MiB). Where the kernel knows no huge pages
/// there is nothing to do.
pub(crate) fn prefer_thrift() {
    _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Memory in huge pages from now on, where the kernel gives them: the heap of a worker is looked at by every request,
/// which costs 3 to 5 % less that way (`cargo xtask bench --case small`, with and without `MIMALLOC_ALLOW_THP=0`).
pub(crate) fn prefer_speed() {
    _ = rustix::thread::disable_transparent_huge_pages(false);
}

/// Has the allocator give back what the calling thread freed. Ten thousand connections that came and went would
/// otherwise be held until the thread allocates as much again, which an idle gateway does not.
pub(crate) fn give_back() {
    #[cfg(feature = "mimalloc")]
    // SAFETY: `mi_collect` takes no pointer and may be called at any time on any thread that has a heap; this one has
    // allocated before. It only returns blocks that were freed.
    unsafe {
        libmimalloc_sys::mi_collect(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_not_given_back() {
        let kept: Vec<Vec<u8>> = (0..100).map(|byte| vec![byte; 10_000]).collect();
        drop(vec![0_u8; 1 << 20]);
        give_back();
        assert!(kept.iter().zip(0..).all(|(block, byte)| block.iter().all(|found| *found == byte)));
    }
}

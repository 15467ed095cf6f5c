//! Address space for device memory: reserved once, made accessible piece by piece.

use std::sync::OnceLock;

/// The size of a page of memory, which is also the size of a guard.
pub(crate) const PAGE: usize = 4096;

/// Addresses are given out in circles through this much, so that a freed one stays unused for long.
const LARGEST: usize = 64 << 30;

/// A range of addresses that nothing else maps.
#[derive(Clone, Copy)]
pub(crate) struct Arena {
    pub start: usize,
    pub end: usize,
}

/// The process's arena: the largest that the system grants, or none.
pub(crate) fn arena() -> Option<Arena> {
    static ARENA: OnceLock<Option<Arena>> = OnceLock::new();
    *ARENA.get_or_init(|| (0..6).find_map(|halvings| reserve(LARGEST >> halvings)))
}

fn reserve(bytes: usize) -> Option<Arena> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the system's choice touches no other memory.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
    (start != libc::MAP_FAILED).then(|| Arena { start: start as usize, end: start as usize + bytes })
}

/// Makes pages of the arena accessible; false when the system has no memory left.
///
/// # Safety
/// `start` and `bytes` are whole pages inside the arena, not in use.
pub(crate) unsafe fn open(start: usize, bytes: usize) -> bool {
    // SAFETY: the pages are ours and unused, as the caller guarantees.
    unsafe { libc::mprotect(start as *mut _, bytes, libc::PROT_READ | libc::PROT_WRITE) == 0 }
}

/// Gives the pages' memory back to the system and makes every access to them a fault.
///
/// # Safety
/// `start` and `bytes` are whole pages inside the arena no longer in use.
pub(crate) unsafe fn close(start: usize, bytes: usize) {
    // SAFETY: the pages are ours and unused, as the caller guarantees.
    unsafe {
        libc::madvise(start as *mut _, bytes, libc::MADV_DONTNEED);
        libc::mprotect(start as *mut _, bytes, libc::PROT_NONE);
    }
}

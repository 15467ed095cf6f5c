//! Dynamic shared memory: one piece per host thread, between guard pages.

use std::cell::Cell;
use std::ops::Range;

use super::arena::PAGE;

/// More than any device grants a block.
const LARGEST: usize = 512 << 10;

thread_local! {
    static MAPPING: Mapping = const { Mapping(Cell::new(0)) };
}

/// The start of this host thread's mapping; 0 before the first use.
struct Mapping(Cell<usize>);

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.0.get() != 0 {
            // SAFETY: the mapping is this host thread's own, and its launches are over.
            unsafe { libc::munmap(self.0.get() as *mut _, LARGEST + 2 * PAGE) };
        }
    }
}

/// Shared memory for a block: `bytes` bytes that, rounded up to 16, end before a guard page. None when there is no memory.
pub(crate) fn dynamic_shared(bytes: usize) -> Option<Range<usize>> {
    let mapping = MAPPING.with(|mapping| {
        if mapping.0.get() == 0 {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            // SAFETY: a new mapping touches no other memory.
            unsafe {
                let start = libc::mmap(std::ptr::null_mut(), LARGEST + 2 * PAGE, libc::PROT_NONE, flags, -1, 0);
                if start == libc::MAP_FAILED {
                    return None;
                }
                if libc::mprotect(start.byte_add(PAGE), LARGEST, libc::PROT_READ | libc::PROT_WRITE) != 0 {
                    return None;
                }
                mapping.0.set(start as usize);
            }
        }
        Some(mapping.0.get())
    })?;
    let start =
        (mapping + PAGE + LARGEST).checked_sub(bytes.next_multiple_of(16)).filter(|&start| start >= mapping + PAGE)?;
    Some(start..start + bytes)
}

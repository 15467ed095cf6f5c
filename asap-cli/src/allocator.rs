//! Ends the program with a message where memory can't be allocated, as under `ulimit -v`; the standard library aborts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::exit::DEVICE;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Requests above this are left to the caller: decoders ask for what a damaged file claims, and can do without.
static LARGEST: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The system's allocator.
struct Allocator;

/// Leaves requests above this machine's memory to their callers.
pub fn expect_memory(total: u64) {
    LARGEST.store(usize::try_from(total).unwrap_or(usize::MAX), Ordering::Relaxed);
}

/// The result of an allocation, unless it failed.
fn checked(memory: *mut u8, size: usize) -> *mut u8 {
    static ENDING: AtomicBool = AtomicBool::new(false);
    if memory.is_null() && size <= LARGEST.load(Ordering::Relaxed) && !ENDING.swap(true, Ordering::Relaxed) {
        // Formatting numbers allocates nothing.
        let _ = writeln!(
            std::io::stderr(),
            "error: out of memory: {size} bytes can't be allocated; lower the batch size or the image size, or --threads, or \
             raise the limit of this process (ulimit -v, ulimit -d)"
        );
        std::process::exit(DEVICE.into());
    }
    memory
}

// SAFETY: every call is passed on to the system's allocator, and its result returned.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        checked(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        checked(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        checked(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

//! Stacks: aligned to their size, with a guard page at the bottom and the fiber's own record at the top.

use std::cell::RefCell;
use std::sync::Mutex;

use super::Fiber;
use crate::memory::PAGE;

/// A stack's size and alignment. `shim/threads.h` has the same numbers.
pub(crate) const STACK: usize = 128 << 10;
/// Room for [`Fiber`] at a stack's top.
pub(crate) const TOP: usize = 512;

const _: () = assert!(std::mem::size_of::<Fiber>() <= TOP);

/// Free stacks, each by its lowest address: a host thread's own, which go to everyone when it ends.
struct Free(RefCell<Vec<usize>>);

static SHARED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

impl Drop for Free {
    fn drop(&mut self) {
        SHARED.lock().unwrap_or_else(|e| e.into_inner()).append(self.0.get_mut());
    }
}

thread_local! {
    static FREE: Free = const { Free(RefCell::new(Vec::new())) };
}

/// Takes a free stack or makes one. None when the system has no memory left.
pub(crate) fn take() -> Option<*mut Fiber> {
    let own = FREE.with(|free| free.0.borrow_mut().pop());
    let stack = own.or_else(|| SHARED.lock().unwrap_or_else(|e| e.into_inner()).pop()).or_else(make)?;
    Some((stack + STACK - TOP) as *mut Fiber)
}

/// Returns stacks for the host thread's next launches.
pub(crate) fn give_back(fibers: impl Iterator<Item = *mut Fiber>) {
    FREE.with(|free| free.0.borrow_mut().extend(fibers.map(|fiber| bottom(fiber))));
}

/// The lowest address of a fiber's stack; the guard page lies there.
pub(crate) fn bottom(fiber: *const Fiber) -> usize {
    fiber as usize & !(STACK - 1)
}

fn make() -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping touches no other memory; the parts unmapped and opened below are inside it.
    unsafe {
        let start = libc::mmap(std::ptr::null_mut(), 2 * STACK, libc::PROT_NONE, flags, -1, 0);
        if start == libc::MAP_FAILED {
            return None;
        }
        let start = start as usize;
        let stack = start.next_multiple_of(STACK);
        let opened = libc::mprotect((stack + PAGE) as *mut _, STACK - PAGE, libc::PROT_READ | libc::PROT_WRITE) == 0;
        if stack > start {
            libc::munmap(start as *mut _, stack - start);
        }
        if stack + STACK < start + 2 * STACK {
            libc::munmap((stack + STACK) as *mut _, start + STACK - stack);
        }
        opened.then_some(stack)
    }
}

//! The stack switch, by hand for x86-64.

use std::arch::naked_asm;

/// Registers that a call preserves: rbp, rbx, r12 to r15.
const SAVED: usize = 6;

/// Saves the running fiber's registers on its stack and its stack pointer at `save`, and continues the fiber whose saved
/// stack pointer is `to`. Returns when something switches back.
///
/// # Safety
/// `to` was saved by this function or made by [`first_stack_pointer`], its stack is alive, and no reference to state that the
/// other fiber changes is held across the call.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn switch(save: *mut *mut u8, to: *mut u8) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Prepares a stack that ends at `top`, so that the first switch to it enters `main`.
///
/// # Safety
/// `top` is the 16-byte aligned end of an unused stack.
pub(crate) unsafe fn first_stack_pointer(top: *mut u8, main: extern "C" fn() -> !) -> *mut u8 {
    // SAFETY: the words lie on the stack below `top`, as the caller guarantees.
    unsafe {
        // The ABI wants the stack pointer 8 below a multiple of 16 on entry to a function.
        let entry = top.cast::<usize>().sub(2);
        *entry = main as *const () as usize;
        entry.sub(SAVED).cast()
    }
}

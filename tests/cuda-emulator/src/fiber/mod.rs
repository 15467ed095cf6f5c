//! Fibers: each CUDA thread of the running block has its own stack and yields only where it waits.

pub(crate) mod fault;
pub(crate) mod stack;
mod switch;

pub(crate) use switch::{first_stack_pointer, switch};

use std::ffi::{c_char, c_void};

/// One CUDA thread. It lies at the top of its own stack, so that a kernel finds it from the stack pointer.
///
/// The first part is what kernels see: `struct __emulator_thread` in `shim/threads.h` mirrors it.
#[repr(C)]
pub(crate) struct Fiber {
    pub thread_index: [u32; 3],
    pub block_index: [u32; 3],
    pub block_dim: [u32; 3],
    pub grid_dim: [u32; 3],
    pub dynamic_shared: *mut u8,
    /// The thread's number in its block: x + y·bx + z·bx·by.
    pub linear: u32,
    pub lane: u32,
    pub warp: u32,
    // The rest belongs to the scheduler.
    /// The scheduler's `Machine` that runs this fiber.
    pub machine: *mut c_void,
    /// The saved stack pointer while the fiber isn't running.
    pub stack_pointer: *mut u8,
    pub waits: Wait,
    /// What the block barrier that the fiber waited at gives it.
    pub barrier_result: i32,
    /// The warp exchange whose values the fiber may still read; `NO_EXCHANGE` when none.
    pub exchange: usize,
}

pub(crate) const NO_EXCHANGE: usize = usize::MAX;

/// What a parked fiber waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing: it runs or is ready to.
    Nothing,
    /// The block barrier called at this place.
    Block(Place),
    /// A warp collective: its name (a C string in the module), the mask of lanes, and the place of the call.
    Warp(*const c_char, u32, Place),
}

/// A place in a kernel's source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// A C string in the kernel's module.
    pub file: *const c_char,
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SAFETY: the compiler made the file's name a C string in a module that stays loaded while its kernel runs.
        let file = unsafe { std::ffi::CStr::from_ptr(self.file) };
        write!(f, "{}:{}", file.to_string_lossy(), self.line)
    }
}

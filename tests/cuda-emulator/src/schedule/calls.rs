//! The calls that a kernel's module makes into the scheduler; `shim/threads.h` mirrors [`Calls`].

use std::ffi::c_char;

use super::{barrier, memory_access, warp};
use crate::fiber::{Fiber, Place};

/// The functions that a module is given when it is loaded.
#[repr(C)]
pub(crate) struct Calls {
    block_barrier: unsafe extern "C" fn(*mut Fiber, u32, i32, *const c_char, u32) -> i32,
    warp_exchange:
        unsafe extern "C" fn(*mut Fiber, u32, *const c_char, *const u8, u32, *const c_char, u32) -> *const u8,
    access: unsafe extern "C" fn(*mut Fiber, usize, usize, u32, usize),
}

pub(crate) static CALLS: Calls = Calls { block_barrier, warp_exchange, access };

unsafe extern "C" fn block_barrier(
    fiber: *mut Fiber,
    variant: u32,
    predicate: i32,
    file: *const c_char,
    line: u32,
) -> i32 {
    // SAFETY: kernels call with their own fiber, which is the running one.
    unsafe { barrier::wait(fiber, variant, predicate != 0, Place { file, line }) }
}

unsafe extern "C" fn warp_exchange(
    fiber: *mut Fiber,
    mask: u32,
    operation: *const c_char,
    value: *const u8,
    size: u32,
    file: *const c_char,
    line: u32,
) -> *const u8 {
    // SAFETY: kernels call with their own fiber, which is the running one, and with a value of that size.
    unsafe { warp::exchange(fiber, mask, operation, value, size, Place { file, line }) }
}

unsafe extern "C" fn access(fiber: *mut Fiber, address: usize, bytes: usize, kind: u32, from: usize) {
    // SAFETY: kernels call with their own fiber, which is the running one.
    unsafe { memory_access::access(fiber, address, bytes, kind, from) }
}

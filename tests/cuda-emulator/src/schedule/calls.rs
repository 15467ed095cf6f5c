//! The calls that a kernel's module makes into the scheduler; `shim/threads.h` mirrors [`Calls`].
//!
//! Kernels call each with their own fiber, which is the running one. The machine lives while its fibers run, and every reference
//! to it ends before a switch.

use std::ffi::c_char;

use super::machine::Machine;
use super::run::{fail, park};
use crate::fiber::{Fiber, NO_EXCHANGE, Place, Wait};
use crate::race::{Access, Kind};

/// The functions that a module is given when it is loaded.
#[repr(C)]
pub(crate) struct Calls {
    block_barrier: unsafe extern "C" fn(*mut Fiber, u32, i32, *const c_char, u32) -> i32,
    warp_exchange:
        unsafe extern "C" fn(*mut Fiber, u32, *const c_char, *const u8, u32, *const c_char, u32) -> *const u8,
    access: unsafe extern "C" fn(*mut Fiber, usize, usize, u32, usize),
}

pub(crate) static CALLS: Calls = Calls { block_barrier, warp_exchange, access };

/// Waits until all living threads of the block are at the barrier.
unsafe extern "C" fn block_barrier(
    fiber: *mut Fiber,
    variant: u32,
    predicate: i32,
    file: *const c_char,
    line: u32,
) -> i32 {
    let place = Place { file, line };
    // SAFETY: see the module's documentation.
    unsafe {
        let machine = Machine::of(fiber);
        match (&mut *machine).arrive_at_barrier(variant, predicate != 0, place) {
            Ok(true) => (&*machine).barrier.result(),
            Ok(false) => {
                (&mut *machine).barrier.park(fiber, place);
                park(fiber);
                (*fiber).barrier_result
            }
            Err(text) => fail(fiber, text),
        }
    }
}

/// Waits until all living lanes in the mask are at the collective. Returns the 32 lanes' slots, which stay valid until the
/// lane's next collective. `value` points to `size` bytes.
unsafe extern "C" fn warp_exchange(
    fiber: *mut Fiber,
    mask: u32,
    operation: *const c_char,
    value: *const u8,
    size: u32,
    file: *const c_char,
    line: u32,
) -> *const u8 {
    let place = Place { file, line };
    // SAFETY: see the module's documentation.
    unsafe {
        let machine = Machine::of(fiber);
        let (number, lane) = ((*fiber).warp, (*fiber).lane);
        let joined = {
            let warp = &mut (&mut *machine).warps[number as usize];
            warp.release((*fiber).exchange);
            (*fiber).exchange = NO_EXCHANGE;
            warp.join(lane, mask, operation, size, place)
        };
        let index = match joined {
            Ok(index) => index,
            Err(text) => fail(fiber, text),
        };
        (*fiber).exchange = index;
        let slots = (&mut *machine).warps[number as usize].arrive(index, lane, value);
        if !(&mut *machine).complete_exchange(number, index, Some(lane)) {
            (*fiber).waits = Wait::Warp(operation, mask, place);
            park(fiber);
        }
        slots
    }
}

/// Checks an access of an instrumented kernel before it happens.
unsafe extern "C" fn access(fiber: *mut Fiber, address: usize, bytes: usize, kind: u32, from: usize) {
    let kind = match kind {
        0 => Kind::Read,
        1 => Kind::Write,
        _ => Kind::Atomic,
    };
    // SAFETY: see the module's documentation.
    unsafe {
        let machine = Machine::of(fiber);
        let access = Access { address, bytes, kind, instruction: from, thread: (*fiber).linear };
        let Some(races) = &mut (*machine).races else { return };
        let Err(mistake) = races.access(access) else { return };
        (*machine).mistake = Some((access, mistake));
        // The report is made on the launch's own stack, which is larger.
        fail(fiber, String::new());
    }
}

//! The way from the Rust library to the shared object.
//!
//! A test binary holds two copies of this package: the Rust library linked into it and the shared object that cudarc loads. Only
//! the latter has state, so each function here exists twice: a C function that the shared object exports and a Rust function that
//! looks it up there.

use std::ffi::{CStr, CString, c_char, c_void};

use crate::install;
use crate::settings::{self, Order};

const FIFO: u32 = 0;
const LIFO: u32 = 1;
const RANDOM: u32 = 2;

#[unsafe(no_mangle)]
extern "C" fn cuda_emulator_set_order(kind: u32, seed: u64) {
    let order = match kind {
        LIFO => Order::Lifo,
        RANDOM => Order::Random(seed),
        _ => Order::Fifo,
    };
    settings::change_launch(|launch| {
        launch.order = order;
        launch.launches = 0;
    });
}

#[unsafe(no_mangle)]
extern "C" fn cuda_emulator_set_strict_barriers(on: u32) {
    settings::change_launch(|launch| launch.strict_barriers = on != 0);
}

#[unsafe(no_mangle)]
extern "C" fn cuda_emulator_set_race_detection(on: u32) {
    settings::change_launch(|launch| launch.races = on != 0);
}

#[unsafe(no_mangle)]
extern "C" fn cuda_emulator_set_device_memory(bytes: usize) {
    settings::set_device_memory(bytes);
}

#[unsafe(no_mangle)]
extern "C" fn cuda_emulator_recover() {
    crate::report::recover();
}

#[unsafe(no_mangle)]
extern "C" fn cuda_emulator_last_report() -> *const c_char {
    crate::report::interned(&crate::report::last())
}

/// Looks up one of the functions above in the loaded shared object.
fn function(name: &str) -> *mut c_void {
    let name = CString::new(name).expect("no zero byte in a function's name");
    // SAFETY: the handle comes from dlopen and is never closed; the name is a C string.
    let found = unsafe { libc::dlsym(install::handle().cast(), name.as_ptr()) };
    assert!(
        !found.is_null(),
        "the emulator's shared object lacks {name:?}: it was built from another version; build again"
    );
    found
}

/// Sets the order in which the calling host thread's launches run their threads and blocks.
pub fn set_order(order: Order) {
    let (kind, seed) = match order {
        Order::Fifo => (FIFO, 0),
        Order::Lifo => (LIFO, 0),
        Order::Random(seed) => (RANDOM, seed),
    };
    // SAFETY: the function of that name above has this signature.
    let set: extern "C" fn(u32, u64) = unsafe { std::mem::transmute(function("cuda_emulator_set_order")) };
    set(kind, seed);
}

/// Makes it an error, for the calling host thread's launches, that a block barrier completes though some threads of the block
/// have left the kernel. Hardware tolerates it, so the default is off.
pub fn set_strict_barriers(on: bool) {
    // SAFETY: the function of that name above has this signature.
    let set: extern "C" fn(u32) = unsafe { std::mem::transmute(function("cuda_emulator_set_strict_barriers")) };
    set(on.into());
}

/// Makes the calling host thread's launches run instrumented: data races are found exactly, whatever the order, and every access is
/// checked to the byte. Kernels are compiled a second time and run several times slower.
pub fn set_race_detection(on: bool) {
    // SAFETY: the function of that name above has this signature.
    let set: extern "C" fn(u32) = unsafe { std::mem::transmute(function("cuda_emulator_set_race_detection")) };
    set(on.into());
}

/// Sets the device's memory in bytes for the whole process; 0 goes back to the default.
pub fn set_device_memory(bytes: usize) {
    // SAFETY: the function of that name above has this signature.
    let set: extern "C" fn(usize) = unsafe { std::mem::transmute(function("cuda_emulator_set_device_memory")) };
    set(bytes);
}

/// Makes the calling host thread's context usable again after a fault inside a kernel.
///
/// A real context stays unusable. Here the fault stays with the host thread that launched the kernel, so that tests which share
/// a process don't disturb each other.
pub fn recover() {
    // SAFETY: the function of that name above has this signature.
    let recover: extern "C" fn() = unsafe { std::mem::transmute(function("cuda_emulator_recover")) };
    recover();
}

/// The report of the calling host thread's last failed call; empty if none failed. cudarc's errors show the same text.
pub fn last_report() -> String {
    // SAFETY: the function of that name above has this signature.
    let last: extern "C" fn() -> *const c_char = unsafe { std::mem::transmute(function("cuda_emulator_last_report")) };
    // SAFETY: the function returns a C string that lives as long as the process.
    unsafe { CStr::from_ptr(last()) }.to_string_lossy().into_owned()
}

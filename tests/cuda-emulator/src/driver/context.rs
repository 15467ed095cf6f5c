//! Initialization and contexts: one primary context, which a host thread makes current before it works.
#![allow(non_snake_case)] // the names are libcuda's

use std::cell::Cell;
use std::ffi::{c_int, c_uint};
use std::sync::atomic::{AtomicBool, Ordering};

use super::driver;
use crate::report::{self, Failure, Outcome};
use crate::settings;
use crate::status;

/// The primary context's handle: any number but zero would do.
const PRIMARY: usize = 0xc0de;

static INITIALIZED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// Fails before `cuInit`.
pub(super) fn check_initialized() -> Outcome {
    match INITIALIZED.load(Ordering::Relaxed) {
        true => Ok(()),
        false => Err(Failure::new(status::NOT_INITIALIZED, "cuInit was not called")),
    }
}

/// Fails unless `device` is the one there is.
pub(super) fn check_device(device: c_int) -> Outcome {
    check_initialized()?;
    match device {
        0 => Ok(()),
        other => Err(Failure::new(status::INVALID_DEVICE, format!("device {other}: there is one, number 0"))),
    }
}

/// Fails unless the calling thread has a context, and one that no kernel has ruined.
pub(crate) fn check_context() -> Outcome {
    check_initialized()?;
    if CURRENT.get() == 0 {
        return Err(Failure::new(status::INVALID_CONTEXT, "this host thread has no current context (cuCtxSetCurrent)"));
    }
    report::check_poison()
}

driver! {
    fn cuInit(_flags: c_uint) {
        let failing = settings::number("CUDA_EMULATOR_INIT", 0);
        if failing != 0 {
            return Err(Failure::plain(failing as status::Status));
        }
        if settings::number("CUDA_EMULATOR_DEVICES", 1) == 0 {
            return Err(Failure::plain(100));
        }
        INITIALIZED.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn cuDriverGetVersion(version: *mut c_int) {
        *version = 13000;
        Ok(())
    }

    fn cuDevicePrimaryCtxRetain(context: *mut usize, device: c_int) {
        check_device(device)?;
        *context = PRIMARY;
        Ok(())
    }

    fn cuDevicePrimaryCtxRelease_v2(device: c_int) {
        check_device(device)
    }

    fn cuDevicePrimaryCtxSetFlags_v2(device: c_int, _flags: c_uint) {
        check_device(device)
    }

    fn cuCtxGetCurrent(context: *mut usize) {
        check_initialized()?;
        *context = CURRENT.get();
        Ok(())
    }

    fn cuCtxSetCurrent(context: usize) {
        check_initialized()?;
        if context != PRIMARY && context != 0 {
            return Err(Failure::plain(status::INVALID_CONTEXT));
        }
        CURRENT.set(context);
        Ok(())
    }

    fn cuCtxGetDevice(device: *mut c_int) {
        check_context()?;
        *device = 0;
        Ok(())
    }

    fn cuCtxSetFlags(_flags: c_uint) {
        check_context()
    }

    fn cuCtxSynchronize() {
        check_context()
    }

    fn cuCtxGetLimit(value: *mut usize, _limit: c_uint) {
        check_context()?;
        *value = crate::fiber::stack::STACK;
        Ok(())
    }

    fn cuCtxSetLimit(_limit: c_uint, _value: usize) {
        check_context()
    }

    fn cuCtxSetCacheConfig(_config: c_uint) {
        check_context()
    }
}

//! Memory pools: the default one, whose attributes are kept and change nothing.
#![allow(non_snake_case)] // the names are libcuda's

use std::ffi::{c_int, c_uint, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use super::context::check_context;
use super::context::check_device;
use super::driver;
use crate::memory;
use crate::report::Failure;
use crate::status;

const DEFAULT_POOL: usize = 0x9001;
const RELEASE_THRESHOLD: c_uint = 4;

static THRESHOLD: AtomicU64 = AtomicU64::new(0);

driver! {
    fn cuDeviceGetDefaultMemPool(pool: *mut usize, device: c_int) {
        check_device(device)?;
        *pool = DEFAULT_POOL;
        Ok(())
    }

    fn cuDeviceGetMemPool(pool: *mut usize, device: c_int) {
        check_device(device)?;
        *pool = DEFAULT_POOL;
        Ok(())
    }

    fn cuDeviceSetMemPool(device: c_int, _pool: usize) {
        check_device(device)
    }

    fn cuMemPoolTrimTo(_pool: usize, _keep: usize) {
        check_context()
    }

    fn cuMemPoolSetAttribute(_pool: usize, attribute: c_uint, value: *mut c_void) {
        match attribute {
            1..=3 => {}
            RELEASE_THRESHOLD => THRESHOLD.store(*value.cast(), Ordering::Relaxed),
            // The high-water marks can be reset, to zero only; none is kept.
            6 | 8 => {}
            other => return Err(Failure::new(status::INVALID_VALUE, format!("memory pool attribute {other} can't be set"))),
        }
        Ok(())
    }

    fn cuMemPoolGetAttribute(_pool: usize, attribute: c_uint, value: *mut c_void) {
        match attribute {
            1..=3 => *value.cast::<c_int>() = 1,
            RELEASE_THRESHOLD => *value.cast::<u64>() = THRESHOLD.load(Ordering::Relaxed),
            5..=8 => *value.cast::<u64>() = memory::used() as u64,
            other => return Err(Failure::new(status::INVALID_VALUE, format!("memory pool attribute {other} is unknown"))),
        }
        Ok(())
    }
}

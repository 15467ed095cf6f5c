//! Device memory: allocating, filling and copying.
#![allow(non_snake_case)] // the names are libcuda's

use std::ffi::{c_uint, c_void};

use super::context::check_context;
use super::driver;
use crate::memory;
use crate::report::{Failure, Outcome};
use crate::settings;
use crate::status;

/// # Safety
/// `address` points to room for an address.
unsafe fn allocate(address: *mut usize, bytes: usize) -> Outcome {
    check_context()?;
    let start = memory::allocate(bytes)?;
    // SAFETY: the caller guarantees it.
    unsafe { *address = start };
    Ok(())
}

fn free(address: usize) -> Outcome {
    memory::free(address)?;
    check_context()
}

/// Fills with a repeated element.
///
/// # Safety
/// Nothing but the range check is needed: device memory has no other owner.
unsafe fn fill<T: Copy>(address: usize, value: T, count: usize) -> Outcome {
    check_context()?;
    let bytes = count.saturating_mul(size_of::<T>());
    memory::check_range("memset", address, bytes)?;
    if !address.is_multiple_of(size_of::<T>()) {
        return Err(Failure::new(status::INVALID_VALUE, format!("memset: {address:#x} isn't aligned to the element")));
    }
    // SAFETY: the range lies in a live allocation.
    unsafe { std::slice::from_raw_parts_mut(address as *mut T, count) }.fill(value);
    Ok(())
}

/// # Safety
/// `from` is readable for `bytes` bytes.
unsafe fn to_device(to: usize, from: *const c_void, bytes: usize) -> Outcome {
    check_context()?;
    memory::check_range("copy to the device", to, bytes)?;
    // SAFETY: device memory is checked, host memory is the caller's word.
    unsafe { std::ptr::copy_nonoverlapping(from.cast(), to as *mut u8, bytes) };
    Ok(())
}

/// # Safety
/// `to` is writable for `bytes` bytes.
unsafe fn to_host(to: *mut c_void, from: usize, bytes: usize) -> Outcome {
    check_context()?;
    memory::check_range("copy to the host", from, bytes)?;
    // SAFETY: device memory is checked, host memory is the caller's word.
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to.cast(), bytes) };
    Ok(())
}

fn within_device(to: usize, from: usize, bytes: usize) -> Outcome {
    check_context()?;
    memory::check_range("copy within the device, source", from, bytes)?;
    memory::check_range("copy within the device, target", to, bytes)?;
    // SAFETY: both ranges lie in live allocations; they may overlap.
    unsafe { std::ptr::copy(from as *const u8, to as *mut u8, bytes) };
    Ok(())
}

driver! {
    fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) {
        check_context()?;
        *total = settings::device_memory();
        *free = settings::device_memory().saturating_sub(memory::used());
        Ok(())
    }

    fn cuMemAlloc_v2(address: *mut usize, bytes: usize) {
        if bytes == 0 {
            return Err(Failure::new(status::INVALID_VALUE, "cuMemAlloc of 0 bytes"));
        }
        allocate(address, bytes)
    }

    fn cuMemAllocAsync(address: *mut usize, bytes: usize, _stream: usize) {
        allocate(address, bytes)
    }

    fn cuMemAllocFromPoolAsync(address: *mut usize, bytes: usize, _pool: usize, _stream: usize) {
        allocate(address, bytes)
    }

    fn cuMemFree_v2(address: usize) {
        free(address)
    }

    fn cuMemFreeAsync(address: usize, _stream: usize) {
        free(address)
    }

    fn cuMemHostAlloc(address: *mut *mut c_void, bytes: usize, _flags: c_uint) {
        check_context()?;
        *address = libc::aligned_alloc(memory::PAGE, bytes.max(1).next_multiple_of(memory::PAGE));
        if (*address).is_null() { Err(Failure::plain(status::OUT_OF_MEMORY)) } else { Ok(()) }
    }

    fn cuMemFreeHost(address: *mut c_void) {
        libc::free(address);
        check_context()
    }

    fn cuMemsetD8_v2(address: usize, value: u8, count: usize) {
        fill(address, value, count)
    }

    fn cuMemsetD8Async(address: usize, value: u8, count: usize, _stream: usize) {
        fill(address, value, count)
    }

    fn cuMemsetD32_v2(address: usize, value: u32, count: usize) {
        fill(address, value, count)
    }

    fn cuMemsetD32Async(address: usize, value: u32, count: usize, _stream: usize) {
        fill(address, value, count)
    }

    fn cuMemcpyHtoD_v2(to: usize, from: *const c_void, bytes: usize) {
        to_device(to, from, bytes)
    }

    fn cuMemcpyHtoDAsync_v2(to: usize, from: *const c_void, bytes: usize, _stream: usize) {
        to_device(to, from, bytes)
    }

    fn cuMemcpyDtoH_v2(to: *mut c_void, from: usize, bytes: usize) {
        to_host(to, from, bytes)
    }

    fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: usize, bytes: usize, _stream: usize) {
        to_host(to, from, bytes)
    }

    fn cuMemcpyDtoD_v2(to: usize, from: usize, bytes: usize) {
        within_device(to, from, bytes)
    }

    fn cuMemcpyDtoDAsync_v2(to: usize, from: usize, bytes: usize, _stream: usize) {
        within_device(to, from, bytes)
    }
}

//! The one device and its attributes: those of a small Ampere card, or of what the environment says.
#![allow(non_snake_case)] // the names are libcuda's

use std::ffi::{c_char, c_int};

use super::context::{check_device, check_initialized};
use super::driver;
use crate::report::Failure;
use crate::settings;
use crate::status;

pub(super) const MAX_BLOCK: [u32; 3] = [1024, 1024, 64];
pub(super) const MAX_THREADS: u32 = 1024;
pub(super) const MAX_GRID: [u32; 3] = [i32::MAX as u32, 65535, 65535];
/// Shared memory that every kernel may use, in bytes.
pub(super) const SHARED_MEMORY: usize = 48 << 10;
const MULTIPROCESSORS: c_int = 4;

/// Attributes by `CUdevice_attribute`'s numbers. Of what isn't listed the device has none: 0.
fn attribute(number: c_int) -> c_int {
    match number {
        1 => MAX_THREADS as c_int,
        2..=4 => MAX_BLOCK[number as usize - 2] as c_int,
        5..=7 => MAX_GRID[number as usize - 5] as c_int,
        8 => SHARED_MEMORY as c_int,
        9 => 64 << 10,    // constant memory
        10 => 32,         // warp size
        11 => i32::MAX,   // pitch
        12 | 82 => 65536, // registers of a block, of a multiprocessor
        13 => 1_000_000,  // clock in kHz
        14 => 512,        // texture alignment
        16 => MULTIPROCESSORS,
        31 | 41 => 1,    // concurrent kernels, unified addressing
        36 => 1_000_000, // memory clock in kHz
        37 => 64,        // memory bus width in bits
        38 => 1 << 20,   // second-level cache
        39 => 1536,      // threads of a multiprocessor
        40 => 1,         // copy engines
        75 => settings::compute_capability().0,
        76 => settings::compute_capability().1,
        81 => settings::shared_memory_optin() as c_int + 1024, // shared memory of a multiprocessor
        97 => settings::shared_memory_optin() as c_int,
        106 => 16,   // blocks of a multiprocessor
        111 => 1024, // shared memory that the system reserves in each block
        115 => 1,    // memory pools
        _ => 0,
    }
}

driver! {
    fn cuDeviceGetCount(count: *mut c_int) {
        check_initialized()?;
        *count = 1;
        Ok(())
    }

    fn cuDeviceGet(device: *mut c_int, ordinal: c_int) {
        check_device(ordinal)?;
        *device = ordinal;
        Ok(())
    }

    fn cuDeviceGetName(name: *mut c_char, length: c_int, device: c_int) {
        check_device(device)?;
        let text = c"CUDA emulator".to_bytes_with_nul();
        if (length as usize) < text.len() {
            return Err(Failure::plain(status::INVALID_VALUE));
        }
        std::ptr::copy_nonoverlapping(text.as_ptr(), name.cast(), text.len());
        Ok(())
    }

    fn cuDeviceGetUuid(uuid: *mut [u8; 16], device: c_int) {
        check_device(device)?;
        *uuid = *b"CUDA emulator\0\0\0";
        Ok(())
    }

    fn cuDeviceGetUuid_v2(uuid: *mut [u8; 16], device: c_int) {
        check_device(device)?;
        *uuid = *b"CUDA emulator\0\0\0";
        Ok(())
    }

    fn cuDeviceGetAttribute(value: *mut c_int, number: c_int, device: c_int) {
        check_device(device)?;
        *value = attribute(number);
        Ok(())
    }

    fn cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) {
        check_device(device)?;
        *bytes = settings::device_memory();
        Ok(())
    }
}

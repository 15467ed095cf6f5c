//! What CUDA's status codes mean.
#![allow(non_snake_case)] // the names are libcuda's

use std::ffi::c_char;

use crate::report;
use crate::status::{self, Status};

#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorName(status: Status, text: *mut *const c_char) -> Status {
    // SAFETY: the caller gives room for the pointer.
    unsafe { *text = report::interned(status::name(status)) };
    status::SUCCESS
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorString(status: Status, text: *mut *const c_char) -> Status {
    // SAFETY: the caller gives room for the pointer.
    unsafe { *text = report::text_of(status) };
    status::SUCCESS
}

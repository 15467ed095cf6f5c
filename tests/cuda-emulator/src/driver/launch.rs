//! `cuLaunchKernel`: checks of geometry and arguments, then the run.
#![allow(non_snake_case)] // the names are libcuda's

use std::ffi::{c_uint, c_void};
use std::sync::atomic::Ordering;

use super::context::check_context;
use super::device::{MAX_BLOCK, MAX_GRID, MAX_THREADS, SHARED_MEMORY};
use super::driver;
use super::module::Function;
use crate::memory;
use crate::report::{Failure, Outcome};
use crate::schedule;
use crate::settings;
use crate::status;

impl Function {
    /// Fails with the code that CUDA gives for a grid, block or shared memory that the device or the kernel doesn't allow.
    fn check_geometry(&self, grid: [u32; 3], block: [u32; 3], dynamic_shared: usize) -> Outcome {
        let wrong = |status, what: String| {
            let report =
                format!("kernel {}: {what} (grid {grid:?}, block {block:?}, {dynamic_shared} bytes shared)", self.name);
            Err(Failure::new(status, report))
        };
        for (dim, name) in ["x", "y", "z"].iter().enumerate() {
            if grid[dim] == 0 || grid[dim] > MAX_GRID[dim] {
                return wrong(
                    status::INVALID_VALUE,
                    format!("grid.{name} is {}, must be 1 to {}", grid[dim], MAX_GRID[dim]),
                );
            }
            if block[dim] == 0 || block[dim] > MAX_BLOCK[dim] {
                return wrong(
                    status::INVALID_VALUE,
                    format!("block.{name} is {}, must be 1 to {}", block[dim], MAX_BLOCK[dim]),
                );
            }
        }
        let threads: u64 = block.iter().map(|&n| u64::from(n)).product();
        if threads > u64::from(MAX_THREADS) {
            return wrong(status::INVALID_VALUE, format!("{threads} threads per block; the maximum is {MAX_THREADS}"));
        }
        if threads > u64::from(self.max_threads) {
            let what = format!("{threads} threads per block; its __launch_bounds__ allow {}", self.max_threads);
            return wrong(status::LAUNCH_OUT_OF_RESOURCES, what);
        }
        if self.static_shared > SHARED_MEMORY {
            let what = format!("{} bytes of __shared__ variables; the maximum is {SHARED_MEMORY}", self.static_shared);
            return wrong(status::INVALID_IMAGE, what);
        }
        let limit = self.dynamic_shared_limit.load(Ordering::Relaxed);
        if dynamic_shared > limit {
            let what = format!(
                "dynamic shared memory is limited to {limit} bytes beside {} bytes of __shared__ variables; \
                 cuFuncSetAttribute(MAX_DYNAMIC_SHARED_SIZE_BYTES) raises it",
                self.static_shared
            );
            return wrong(status::INVALID_VALUE, what);
        }
        Ok(())
    }

    /// Fails if a pointer argument points outside of all live allocations.
    ///
    /// # Safety
    /// `arguments` points to as many pointers to arguments as the kernel has parameters.
    unsafe fn check_arguments(&self, arguments: *mut *mut c_void) -> Outcome {
        if arguments.is_null() && !self.parameters.is_empty() {
            let report = format!("kernel {}: no arguments, it takes {}", self.name, self.parameters.len());
            return Err(Failure::new(status::INVALID_VALUE, report));
        }
        for (index, &size) in self.parameters.iter().enumerate() {
            // SAFETY: the caller guarantees it.
            let argument = unsafe { *arguments.add(index) };
            if argument.is_null() {
                let report = format!("kernel {}: argument {index} is missing", self.name);
                return Err(Failure::new(status::INVALID_VALUE, report));
            }
            if size >= 0 {
                continue;
            }
            // SAFETY: a parameter that is a pointer has an argument of 8 bytes.
            let pointer = unsafe { argument.cast::<usize>().read_unaligned() };
            if !memory::is_pointer_valid(pointer) {
                let place = memory::describe(pointer);
                let report = format!(
                    "kernel {}: argument {index} is {pointer:#x}, which is no device memory: {place}",
                    self.name
                );
                return Err(Failure::sticky(status::ILLEGAL_ADDRESS, report));
            }
        }
        Ok(())
    }
}

driver! {
    fn cuLaunchKernel(
        function: *const Function,
        grid_x: c_uint, grid_y: c_uint, grid_z: c_uint,
        block_x: c_uint, block_y: c_uint, block_z: c_uint,
        dynamic_shared: c_uint,
        _stream: usize,
        arguments: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) {
        check_context()?;
        let function = &*function;
        let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
        let dynamic_shared = dynamic_shared as usize;
        function.check_geometry(grid, block, dynamic_shared)?;
        if !extra.is_null() {
            return Err(Failure::new(status::NOT_SUPPORTED, "arguments by `extra` aren't emulated"));
        }
        function.check_arguments(arguments)?;
        let kernel = function.kernel(arguments, settings::launch().races)?;
        schedule::launch(kernel, grid, block, dynamic_shared).map_err(|mut failure| {
            failure.report = format!("kernel {}: {}", function.name, failure.report);
            failure
        })
    }
}

//! Modules: images loaded into the process, and the kernels in them.
#![allow(non_snake_case)] // the names are libcuda's

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::context::check_context;
use super::device::{MAX_THREADS, SHARED_MEMORY};
use super::driver;
use super::object::Object;
use crate::compile::{self, Image};
use crate::report::{Failure, Outcome};
use crate::schedule::Kernel;
use crate::settings;
use crate::status;

/// What `CUmodule` points to.
pub(super) struct Module {
    image: Image,
    plain: Object,
    /// The same code with every access reported to the race detector, built on first use.
    instrumented: OnceLock<Result<(Image, Object), String>>,
    functions: Vec<Function>,
}

/// What `CUfunction` points to: it lives as long as its module.
pub(super) struct Function {
    pub name: String,
    pub max_threads: u32,
    /// Of each parameter in bytes; minus 8 for a pointer.
    pub parameters: Vec<c_int>,
    /// The maximum dynamic shared memory of a launch.
    pub dynamic_shared_limit: AtomicUsize,
    /// Bytes of `__shared__` variables.
    pub static_shared: usize,
    module: *const Module,
    index: usize,
}

impl Function {
    /// What to run, on the calling host thread: the plain or the instrumented code.
    pub fn kernel(&self, arguments: *mut *mut c_void, instrumented: bool) -> Outcome<Kernel> {
        // SAFETY: the module lives as long as the function.
        let module = unsafe { &*self.module };
        let (image, object) = if instrumented {
            let built = module.instrumented.get_or_init(|| {
                let image = compile::instrumented(&module.image)?;
                let object = Object::load(&image).map_err(|failure| failure.report)?;
                Ok((image, object))
            });
            let built = built
                .as_ref()
                .map_err(|log| Failure::new(status::INVALID_IMAGE, format!("instrumented build: {log}")))?;
            (&built.0, &built.1)
        } else {
            (&module.image, &module.plain)
        };
        let kernel = &object.kernels[self.index];
        let variables = object.variables();
        Ok(Kernel {
            entry: kernel.entry,
            arguments,
            variables,
            static_shared: variables + kernel.static_shared.start..variables + kernel.static_shared.end,
            module: object.extent.clone(),
            image,
        })
    }
}

/// Loads an image: a module whose address stays.
fn load(image: Image) -> Outcome<*mut Module> {
    let plain = Object::load(&image)?;
    let module = Box::into_raw(Box::new(Module { image, plain, instrumented: OnceLock::new(), functions: Vec::new() }));
    // SAFETY: the module was just made, and not shared yet.
    unsafe {
        let functions = (*module).plain.kernels.iter().enumerate().map(|(index, kernel)| Function {
            name: kernel.name.clone(),
            max_threads: kernel.max_threads.min(MAX_THREADS),
            parameters: kernel.parameters.clone(),
            dynamic_shared_limit: AtomicUsize::new(SHARED_MEMORY.saturating_sub(kernel.static_shared_bytes)),
            static_shared: kernel.static_shared_bytes,
            module,
            index,
        });
        (*module).functions = functions.collect();
    }
    Ok(module)
}

driver! {
    fn cuModuleLoadData(module: *mut *mut Module, image: *const c_void) {
        check_context()?;
        let image = Image::from_pointer(image.cast())
            .ok_or_else(|| Failure::new(status::INVALID_IMAGE, "the image wasn't made by the emulator's NVRTC"))?;
        *module = load(image)?;
        Ok(())
    }

    fn cuModuleLoad(module: *mut *mut Module, path: *const c_char) {
        check_context()?;
        let path = CStr::from_ptr(path).to_string_lossy();
        let mut bytes = std::fs::read(&*path)
            .map_err(|e| Failure::new(status::FILE_NOT_FOUND, format!("{path}: {e}")))?;
        bytes.push(0);
        let image = Image::from_pointer(bytes.as_ptr())
            .ok_or_else(|| Failure::new(status::INVALID_IMAGE, format!("{path}: not made by the emulator's NVRTC")))?;
        *module = load(image)?;
        Ok(())
    }

    fn cuModuleUnload(module: *mut Module) {
        drop(Box::from_raw(module));
        check_context()
    }

    fn cuModuleGetFunction(function: *mut *const Function, module: *mut Module, name: *const c_char) {
        check_context()?;
        let name = CStr::from_ptr(name).to_string_lossy();
        let functions = &(*module).functions;
        match functions.iter().find(|function| function.name == name) {
            Some(found) => {
                *function = found;
                Ok(())
            }
            None => {
                let known: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
                let report = format!("no kernel {name} in the module, which has: {}", known.join(", "));
                Err(Failure::new(status::NOT_FOUND, report))
            }
        }
    }

    fn cuModuleGetGlobal_v2(_address: *mut usize, _bytes: *mut usize, _module: *mut Module, name: *const c_char) {
        let name = CStr::from_ptr(name).to_string_lossy();
        Err(Failure::new(status::NOT_FOUND, format!("{name}: the emulator doesn't find global variables by name")))
    }

    fn cuFuncSetAttribute(function: *const Function, attribute: c_uint, value: c_int) {
        check_context()?;
        const MAX_DYNAMIC_SHARED: c_uint = 8;
        const SHARED_CARVEOUT: c_uint = 9;
        match attribute {
            MAX_DYNAMIC_SHARED => {
                let most = settings::shared_memory_optin().saturating_sub((*function).static_shared);
                if value < 0 || value as usize > most {
                    let report = format!("{}: {value} bytes of dynamic shared memory, the maximum is {most}", (*function).name);
                    return Err(Failure::new(status::INVALID_VALUE, report));
                }
                (*function).dynamic_shared_limit.store(value as usize, Ordering::Relaxed);
                Ok(())
            }
            SHARED_CARVEOUT => Ok(()),
            other => Err(Failure::new(status::INVALID_VALUE, format!("function attribute {other} can't be set"))),
        }
    }

    fn cuFuncGetAttribute(value: *mut c_int, attribute: c_uint, function: *const Function) {
        check_context()?;
        *value = match attribute {
            0 => (*function).max_threads as c_int,
            1 => (*function).static_shared as c_int,
            4 => 32, // registers
            5 | 6 => settings::compute_capability().0 * 10 + settings::compute_capability().1,
            8 => (*function).dynamic_shared_limit.load(Ordering::Relaxed) as c_int,
            _ => 0,
        };
        Ok(())
    }

    fn cuFuncSetCacheConfig(_function: *const Function, _config: c_uint) {
        check_context()
    }

    fn cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks: *mut c_int, function: *const Function, threads: c_int, shared: usize) {
        occupancy(blocks, function, threads, shared)
    }

    fn cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        blocks: *mut c_int, function: *const Function, threads: c_int, shared: usize, _flags: c_uint,
    ) {
        occupancy(blocks, function, threads, shared)
    }
}

/// How many blocks fit a multiprocessor by threads and shared memory; registers aren't known.
///
/// # Safety
/// The pointers are valid.
unsafe fn occupancy(blocks: *mut c_int, function: *const Function, threads: c_int, shared: usize) -> Outcome {
    check_context()?;
    // SAFETY: the caller guarantees it.
    unsafe {
        let per_block = (*function).static_shared + shared + 1024;
        let by_shared = (settings::shared_memory_optin() + 1024) / per_block;
        let by_threads = 1536 / (threads.max(1) as usize).next_multiple_of(32);
        *blocks = by_shared.min(by_threads).min(16) as c_int;
    }
    Ok(())
}

//! Modules: images loaded into the process, and the kernels in them.
#![allow(non_snake_case)] // the names are libcuda's

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::context::check_context;
use super::device::{MAX_THREADS, SHARED_MEMORY};
use super::{driver, status};
use crate::compile::Image;
use crate::report::{Failure, Outcome};
use crate::schedule::{CALLS, Calls};
use crate::settings;

/// An entry of a module's table of kernels; `shim/kernels.h` has the same.
#[repr(C)]
struct Entry {
    name: *const c_char,
    function: *const c_void,
    call: Option<unsafe extern "C" fn(*mut *mut c_void)>,
    max_threads: c_uint,
    parameters: c_uint,
    /// Of each parameter in bytes; minus 8 for a pointer.
    sizes: *const c_int,
}

/// What `CUmodule` points to.
pub(super) struct Module {
    /// dlopen's.
    handle: *mut c_void,
    functions: Vec<Function>,
    /// The object's bytes. It stays open as long as the module lives, because the loader knows objects by their path, which
    /// holds the file's number: another module of that number would be taken for this one.
    _file: std::fs::File,
}

/// What `CUfunction` points to: it lives as long as its module.
pub(super) struct Function {
    pub name: String,
    pub call: unsafe extern "C" fn(*mut *mut c_void),
    pub max_threads: u32,
    /// Of each parameter in bytes; minus 8 for a pointer.
    pub parameters: Vec<c_int>,
    /// The most dynamic shared memory that a launch may ask for.
    pub dynamic_shared_limit: AtomicUsize,
    static_shared: StaticShared,
}

/// A module's static shared memory: thread-local variables, so that each host thread has its own.
#[derive(Clone, Copy)]
struct StaticShared {
    /// Returns the address of one variable in it, for the calling thread.
    anchor: unsafe extern "C" fn() -> *mut u8,
    /// How far that variable lies from the start.
    offset: usize,
    bytes: usize,
}

impl Function {
    /// The calling host thread's static shared memory: address and size.
    pub fn static_shared(&self) -> (*mut u8, usize) {
        // SAFETY: the module is loaded; the offset was measured within one thread's memory and is the same for all.
        unsafe { ((self.static_shared.anchor)().sub(self.static_shared.offset), self.static_shared.bytes) }
    }
}

/// Loads an image as a shared object of its own: the same image loaded twice gives two modules with separate variables.
fn load(image: &Image) -> Outcome<Module> {
    let failed = |what: &str| Failure::new(status::INVALID_IMAGE, format!("cannot load a module: {what}"));
    // SAFETY: the descriptor is ours until closed; the symbols have the types that the shim gives them.
    unsafe {
        let descriptor = libc::memfd_create(c"cuda-emulator-module".as_ptr(), libc::MFD_CLOEXEC);
        let mut file = match descriptor {
            -1 => return Err(failed(&std::io::Error::last_os_error().to_string())),
            _ => <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(descriptor),
        };
        std::io::Write::write_all(&mut file, &image.object).map_err(|e| failed(&e.to_string()))?;
        let path = CString::new(format!("/proc/self/fd/{descriptor}")).expect("no zero byte in a number");
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if handle.is_null() {
            return Err(failed(&CStr::from_ptr(libc::dlerror()).to_string_lossy()));
        }
        let [bind, anchor, table] = [c"__emulator_bind", c"__emulator_shared", c"__emulator_kernels"]
            .map(|name| libc::dlsym(handle, name.as_ptr()));
        if bind.is_null() || anchor.is_null() || table.is_null() {
            libc::dlclose(handle);
            return Err(failed("it isn't the emulator's"));
        }
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const Calls)>(bind)(&CALLS);
        let anchor: unsafe extern "C" fn() -> *mut u8 = std::mem::transmute(anchor);
        let static_shared = measure(anchor, table);
        let functions = functions(table.cast(), static_shared);
        Ok(Module { handle, functions, _file: file })
    }
}

/// # Safety
/// `entry` is the start of a module's table of kernels, which an empty entry ends.
unsafe fn functions(mut entry: *const Entry, static_shared: StaticShared) -> Vec<Function> {
    let mut functions = Vec::new();
    // SAFETY: as the caller says.
    unsafe {
        while let Some(call) = (*entry).call {
            functions.push(Function {
                name: name_of(&*entry),
                call,
                max_threads: (*entry).max_threads.min(MAX_THREADS),
                parameters: std::slice::from_raw_parts((*entry).sizes, (*entry).parameters as usize).to_vec(),
                dynamic_shared_limit: AtomicUsize::new(SHARED_MEMORY),
                static_shared,
            });
            entry = entry.add(1);
        }
    }
    functions
}

/// The name that finds a kernel: its own if it is `extern "C"`, otherwise with its C++ decoration.
///
/// # Safety
/// The entry is one of a loaded module's.
unsafe fn name_of(entry: &Entry) -> String {
    // SAFETY: the name is a C string; dladdr fills the structure for an address in a loaded object.
    unsafe {
        if !entry.name.is_null() {
            return CStr::from_ptr(entry.name).to_string_lossy().into_owned();
        }
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(entry.function, &mut info) == 0 || info.dli_sname.is_null() {
            return String::new();
        }
        CStr::from_ptr(info.dli_sname).to_string_lossy().into_owned()
    }
}

/// Finds the extent of a module's thread-local variables. `inside` is an address in the module.
///
/// # Safety
/// `anchor` is the module's function of that purpose.
unsafe fn measure(anchor: unsafe extern "C" fn() -> *mut u8, inside: *mut c_void) -> StaticShared {
    struct Search {
        inside: u64,
        /// Start and size of the calling thread's variables.
        found: Option<(usize, usize)>,
    }
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, search: *mut c_void) -> c_int {
        // SAFETY: the loader gives a valid description, and `search` is ours.
        unsafe {
            let (info, search) = (&*info, &mut *search.cast::<Search>());
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
            let holds = |header: &libc::Elf64_Phdr| {
                let start = info.dlpi_addr + header.p_vaddr;
                header.p_type == libc::PT_LOAD && (start..start + header.p_memsz).contains(&search.inside)
            };
            if !headers.iter().any(holds) {
                return 0;
            }
            let variables = headers.iter().find(|header| header.p_type == libc::PT_TLS);
            search.found = variables.map(|header| (info.dlpi_tls_data as usize, header.p_memsz as usize));
            1
        }
    }
    // SAFETY: the anchor makes this thread's variables exist, so that the loader knows where they are.
    unsafe {
        let address = anchor();
        let mut search = Search { inside: inside as u64, found: None };
        libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast());
        match search.found {
            Some((start, bytes)) if start != 0 => StaticShared { anchor, offset: address as usize - start, bytes },
            _ => StaticShared { anchor, offset: 0, bytes: 0 },
        }
    }
}

driver! {
    fn cuModuleLoadData(module: *mut *mut Module, image: *const c_void) {
        check_context()?;
        let image = Image::from_pointer(image.cast())
            .ok_or_else(|| Failure::new(status::INVALID_IMAGE, "the image wasn't made by the emulator's NVRTC"))?;
        *module = Box::into_raw(Box::new(load(&image)?));
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
        *module = Box::into_raw(Box::new(load(&image)?));
        Ok(())
    }

    fn cuModuleUnload(module: *mut Module) {
        let module = Box::from_raw(module);
        libc::dlclose(module.handle);
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
                let most = settings::shared_memory_optin();
                if value < 0 || value as usize > most {
                    let report = format!("{}: {value} bytes of dynamic shared memory, the most is {most}", (*function).name);
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
            1 => (*function).static_shared().1 as c_int,
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
    // SAFETY: as the caller says.
    unsafe {
        let per_block = (*function).static_shared().1 + shared + 1024;
        let by_shared = (settings::shared_memory_optin() + 1024) / per_block;
        let by_threads = 1536 / (threads.max(1) as usize).next_multiple_of(32);
        *blocks = by_shared.min(by_threads).min(16) as c_int;
    }
    Ok(())
}

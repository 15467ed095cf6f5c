//! A module's shared object in memory: its kernels, its variables and where it lies.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use crate::compile::{Image, scratch_file, static_shared_of};
use crate::report::{Failure, Outcome};
use crate::schedule::{CALLS, Calls};
use crate::status;

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

/// A kernel in a loaded shared object.
pub(super) struct LoadedKernel {
    pub name: String,
    /// Calls the kernel with the arguments behind the pointer.
    pub entry: unsafe extern "C" fn(*mut *mut c_void),
    pub max_threads: u32,
    /// Of each parameter in bytes; minus 8 for a pointer.
    pub parameters: Vec<c_int>,
    /// The part of the module's variables that holds the kernel's `__shared__` ones.
    pub static_shared: Range<usize>,
    /// The size of these alone.
    pub static_shared_bytes: usize,
}

/// A loaded shared object. `__shared__` variables are thread-local in it, so that each host thread has its own.
pub(super) struct Object {
    /// dlopen's.
    handle: *mut c_void,
    pub kernels: Vec<LoadedKernel>,
    /// Where it lies in memory.
    pub extent: Range<usize>,
    /// Returns the address of one thread-local variable, for the calling thread.
    anchor: unsafe extern "C" fn() -> *mut u8,
    /// How far that variable lies from the first.
    anchor_offset: usize,
}

// SAFETY: the handle is only closed, once; the rest is plain data and code.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and none of the module's code runs any more.
        unsafe { libc::dlclose(self.handle) };
    }
}

impl Object {
    /// Loads an image. Loaded twice it gives two objects with separate variables.
    pub fn load(image: &Image) -> Outcome<Object> {
        let failed = |what: &str| Failure::new(status::INVALID_IMAGE, format!("cannot load a module: {what}"));
        // The loader takes two libraries of one name for one, so each module gets a name that no other ever has.
        let path = scratch_file(".module").map_err(|e| failed(&e.to_string()))?;
        std::fs::write(&path, &image.object).map_err(|e| failed(&e.to_string()))?;
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| failed(&e.to_string()))?;
        // SAFETY: the name is a C string; the symbols have the types that the shim gives them.
        unsafe {
            let handle = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            let _ = std::fs::remove_file(&path);
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
            let (extent, variables) = measure(anchor, table);
            let anchor_offset = anchor() as usize - variables;
            let kernels = kernels(image, table.cast(), extent.start);
            Ok(Object { handle, kernels, extent, anchor, anchor_offset })
        }
    }

    /// The start of the calling host thread's variables.
    pub fn variables(&self) -> usize {
        // SAFETY: the module is loaded.
        unsafe { (self.anchor)() as usize - self.anchor_offset }
    }
}

/// # Safety
/// `entry` is the start of the table of kernels of the module loaded from `image`, which an empty entry ends.
unsafe fn kernels(image: &Image, entry: *const Entry, start: usize) -> Vec<LoadedKernel> {
    // SAFETY: the caller guarantees it.
    unsafe {
        let count = (0..).take_while(|&i| (*entry.add(i)).call.is_some()).count();
        let entries = std::slice::from_raw_parts(entry, count);
        let calls: Vec<_> = entries.iter().filter_map(|entry| Some((entry, entry.call?))).collect();
        let code: Vec<[usize; 2]> =
            calls.iter().map(|(entry, call)| [entry.function as usize - start, *call as usize - start]).collect();
        let shared = static_shared_of(image, &code);
        let kernel = |((entry, call), (static_shared, static_shared_bytes)): ((&Entry, _), _)| LoadedKernel {
            name: name_of(entry),
            entry: call,
            max_threads: entry.max_threads,
            parameters: std::slice::from_raw_parts(entry.sizes, entry.parameters as usize).to_vec(),
            static_shared,
            static_shared_bytes,
        };
        calls.into_iter().zip(shared).map(kernel).collect()
    }
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

/// Finds where a module lies, and the start of the calling thread's variables in it. `inside` is an address in the module.
///
/// # Safety
/// `anchor` is the module's function of that purpose.
unsafe fn measure(anchor: unsafe extern "C" fn() -> *mut u8, inside: *mut c_void) -> (Range<usize>, usize) {
    struct Search {
        inside: u64,
        found: Option<(Range<usize>, usize)>,
    }
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, search: *mut c_void) -> c_int {
        // SAFETY: the loader gives a valid description, and `search` is ours.
        unsafe {
            let (info, search) = (&*info, &mut *search.cast::<Search>());
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
            let loaded = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
            let end = loaded.map(|header| info.dlpi_addr + header.p_vaddr + header.p_memsz).max().unwrap_or(0);
            if !(info.dlpi_addr..end).contains(&search.inside) {
                return 0;
            }
            search.found = Some((info.dlpi_addr as usize..end as usize, info.dlpi_tls_data as usize));
            1
        }
    }
    // SAFETY: the anchor makes this thread's variables exist, so that the loader knows where they are.
    unsafe {
        let address = anchor() as usize;
        let mut search = Search { inside: inside as u64, found: None };
        libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast());
        match search.found {
            Some((extent, variables)) if variables != 0 => (extent, variables),
            _ => (0..0, address),
        }
    }
}

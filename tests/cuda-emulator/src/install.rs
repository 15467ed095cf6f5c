//! Makes the emulator loadable as libcuda, libnvrtc and libcublas.
//!
//! cudarc asks the loader for `libcuda.so`, `libnvrtc.so` and `libcublas.so` first. The loader answers such a request with any
//! library in the process that carries the SONAME asked for. So three empty libraries with these SONAMEs, each depending on our
//! shared object, are linked once, and loading them by path is all it takes.

use std::ffi::{CStr, CString, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const LIBRARIES: [&str; 3] = ["libcuda.so", "libnvrtc.so", "libcublas.so"];
const SHARED_OBJECT: &str = "libcuda_emulator.so";

struct Installed {
    folder: PathBuf,
    /// dlopen's handle of the emulated libcuda; looking up a name in it finds everything in the shared object.
    handle: *mut c_void,
}

// SAFETY: the handle is only given to dlsym, which may be called from any thread.
unsafe impl Send for Installed {}
// SAFETY: as above.
unsafe impl Sync for Installed {}

/// Makes cudarc load the emulator in this process. Idempotent and safe from any number of threads and processes at once.
///
/// Call it before the first use of cudarc: a real libcuda that is already loaded stays.
///
/// # Panics
/// If the shared object isn't beside the running program, or the C++ compiler can't link. Only tests call this.
pub fn install() -> &'static Path {
    &installed().folder
}

/// The folder with `libcuda.so`, `libnvrtc.so` and `libcublas.so`: put it on another process's `LD_LIBRARY_PATH`.
///
/// # Panics
/// As [`install`].
pub fn library_folder() -> &'static Path {
    install()
}

pub(crate) fn handle() -> *mut c_void {
    installed().handle
}

fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder =
            make_libraries().unwrap_or_else(|e| panic!("cuda-emulator: cannot make the emulated libraries: {e}"));
        let handles = LIBRARIES.map(|name| load(&folder.join(name)));
        Installed { folder, handle: handles[0] }
    })
}

fn load(library: &Path) -> *mut c_void {
    let path = CString::new(library.as_os_str().as_bytes()).expect("no zero byte in a path");
    // SAFETY: the path is a C string; loading runs no code of ours beyond Rust's own start-up.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        // SAFETY: after a failed dlopen, dlerror returns a C string.
        let why = unsafe { CStr::from_ptr(libc::dlerror()) };
        panic!("cuda-emulator: cannot load {}: {}", library.display(), why.to_string_lossy());
    }
    handle
}

/// Links the three libraries beside the shared object, unless they are there.
fn make_libraries() -> io::Result<PathBuf> {
    let object = shared_object()?;
    let folder = object.with_file_name("cuda-emulator-libraries");
    std::fs::create_dir_all(&folder)?;
    for name in LIBRARIES {
        let library = folder.join(name);
        if is_fresh(&library, &object) {
            continue;
        }
        // Other processes may do the same at this moment: each links under a name of its own and renames, which is atomic.
        let own = folder.join(format!("{name}.{}", std::process::id()));
        let output = Command::new(crate::compile::compiler())
            .args(["-shared", "-nostdlib", "-x", "c", "/dev/null", "-x", "none", "-Wl,--no-as-needed"])
            .arg(format!("-Wl,-soname,{name}"))
            .arg("-o")
            .args([&own, &object])
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        std::fs::rename(&own, &library)?;
    }
    Ok(folder)
}

/// Whether `library` was linked against this `object`, which its bytes name by path.
fn is_fresh(library: &Path, object: &Path) -> bool {
    let path = object.as_os_str().as_bytes();
    std::fs::read(library)
        .is_ok_and(|bytes| bytes.windows(path.len() + 1).any(|w| &w[..path.len()] == path && w[path.len()] == 0))
}

/// Cargo puts the shared object into `deps`; test binaries are there too, programs one folder up and examples beside it.
fn shared_object() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folders = program.ancestors().skip(1).take(3);
    let candidates = folders.flat_map(|folder| [folder.join("deps").join(SHARED_OBJECT), folder.join(SHARED_OBJECT)]);
    let found = candidates.into_iter().find(|candidate| candidate.exists());
    let found =
        found.ok_or_else(|| io::Error::other(format!("{SHARED_OBJECT} is not beside {}", program.display())))?;
    found.canonicalize()
}

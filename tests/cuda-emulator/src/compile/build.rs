//! Runs the C++ compiler, and keeps what it made on disk.

use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::image::Image;
use super::options::Options;
use super::rewrite::{Kernel, rewrite};

/// The headers that come before a kernel's source: name and text.
const SHIM: [(&str, &str); 7] = [
    ("types.h", include_str!("../../shim/types.h")),
    ("threads.h", include_str!("../../shim/threads.h")),
    ("races.h", include_str!("../../shim/races.h")),
    ("warp.h", include_str!("../../shim/warp.h")),
    ("atomics.h", include_str!("../../shim/atomics.h")),
    ("math.h", include_str!("../../shim/math.h")),
    ("kernels.h", include_str!("../../shim/kernels.h")),
];

const FLAGS: [&str; 23] = [
    "-O1",
    "-g1",
    "-fPIC",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-strict-aliasing",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fno-stack-protector",
    // A large frame touches each of its pages, and so the one that guards the stack.
    "-fstack-clash-protection",
    "-fno-omit-frame-pointer",
    "-fvisibility=hidden",
    // A template's static variables would otherwise be one for all modules of the process.
    "-fno-gnu-unique",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wno-attributes",
    "-shared",
    // The linker keeps relocations: they show which variables a kernel uses.
    "-Wl,-q",
    // Libraries are named, or the thread sanitizer's would come with its instrumentation.
    "-nodefaultlibs",
    // A GPU refuses an access at an address that isn't a multiple of the type's alignment; here it traps.
    "-fsanitize=alignment",
    "-fsanitize-undefined-trap-on-error",
    // NVRTC has no arrays of variable length.
    "-Werror=vla",
];

/// A program's source as `nvrtcCreateProgram` takes it.
pub(super) struct Source {
    pub text: String,
    pub name: String,
    /// Headers in memory: name to include by, text.
    pub headers: Vec<(String, String)>,
}

/// The C++ compiler: `CUDA_EMULATOR_CXX`, or g++.
pub(crate) fn compiler() -> OsString {
    std::env::var_os("CUDA_EMULATOR_CXX").unwrap_or_else(|| "g++".into())
}

/// Compiles a program, or takes it from the cache. An error is the log.
pub(super) fn build(source: &Source, options: &Options) -> Result<Image, String> {
    let preprocessed = preprocess(source, options)?;
    let (body, kernels) = rewrite(&preprocessed);
    make(&assemble(&body, &kernels, options), &flags(options).join(" "))
}

/// The same module with every memory access reported to the race detector. An error is the log.
pub(crate) fn instrumented(image: &Image) -> Result<Image, String> {
    let (flags, text) = image.source.split_once('\n').unwrap_or_default();
    make(
        &format!("#define __CUDA_EMULATOR_RACES__ 1\n{text}"),
        &format!("{} -fsanitize=thread", flags.trim_start_matches("// ")),
    )
}

/// Compiles a whole text, or takes it from the cache. `flags` are separated by spaces.
fn make(text: &str, flags: &str) -> Result<Image, String> {
    let source = format!("// {flags}\n{text}");
    let folder = cache_folder().map_err(|e| format!("cuda-emulator: no folder for compiled kernels: {e}"))?;
    let name = hash(&format!("{:?}{source}", compiler()));
    let cached = folder.join(format!("{name}.image"));
    let from_cache = || Image::from_bytes(&std::fs::read(&cached).ok()?).filter(|image| image.source == source);
    if let Some(image) = from_cache() {
        return Ok(image);
    }
    // One process or thread compiles, the others wait and find the result.
    let _lock = lock(&folder.join(format!("{name}.lock"))).map_err(|e| format!("cuda-emulator: cannot lock: {e}"))?;
    if let Some(image) = from_cache() {
        return Ok(image);
    }
    let image = Image { object: compile(text, flags)?, source };
    let own = scratch_file(".image").map_err(|e| format!("cuda-emulator: {e}"))?;
    let kept = std::fs::write(&own, image.to_bytes()).and_then(|()| std::fs::rename(&own, &cached));
    kept.map_err(|e| format!("cuda-emulator: cannot keep {}: {e}", cached.display()))?;
    Ok(image)
}

/// Resolves macros and includes, so that kernels can be found. The shim's macros aren't defined yet: their names stay.
fn preprocess(source: &Source, options: &Options) -> Result<String, String> {
    let folder = scratch().map_err(|e| format!("cuda-emulator: no folder for sources: {e}"))?;
    let outcome = (|| -> io::Result<Output> {
        let main = folder.join("source.cu");
        // The line marker gives the program its own name in every message.
        std::fs::write(&main, format!("# 1 {:?}\n{}", source.name, source.text))?;
        for (name, text) in &source.headers {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            std::fs::write(path, text)?;
        }
        Command::new(compiler())
            .args(["-E", "-x", "c++", "-nostdinc", "-D__CUDACC__=1", "-D__CUDACC_RTC__=1", "-D__CUDA_EMULATOR__=1"])
            .arg(format!("-D__CUDA_ARCH__={}0", options.architecture))
            .arg(format!("-std={}", options.standard))
            .args(&options.preprocessor)
            .arg(format!("-I{}", folder.display()))
            .arg(&main)
            .output()
    })();
    let _ = std::fs::remove_dir_all(&folder);
    let output = outcome.map_err(no_compiler)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).replace(&*folder.to_string_lossy(), "")),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn no_compiler(error: io::Error) -> String {
    format!("cuda-emulator: cannot run the C++ compiler {:?} (CUDA_EMULATOR_CXX chooses another): {error}", compiler())
}

/// Shim, kernels and the table of kernels.
fn assemble(body: &str, kernels: &[Kernel], options: &Options) -> String {
    let mut text = format!("#define __CUDA_ARCH__ {}0\n#define __CUDA_EMULATOR__ 1\n", options.architecture);
    for (name, header) in SHIM {
        text += &format!("# 1 \"cuda-emulator-shim/{name}\" 3\n{header}");
    }
    text += body;
    text += "\n# 1 \"cuda-emulator-shim/table\"\n__EMULATOR_EXPORT const __emulator_kernel __emulator_kernels[] = {\n";
    for kernel in kernels {
        let name = if kernel.plain {
            format!("{:?}", kernel.path.rsplit(':').next().unwrap_or_default())
        } else {
            "nullptr".into()
        };
        let max_threads = kernel.max_threads.as_deref().unwrap_or("1024");
        text += &format!("__EMULATOR_KERNEL({name}, {}, ({max_threads})),\n", kernel.path);
    }
    text + "{}};\n"
}

fn flags(options: &Options) -> Vec<String> {
    let mut flags: Vec<String> = FLAGS.map(String::from).to_vec();
    flags.push(format!("-std={}", options.standard));
    // With the processor's own fused multiply-add, `fmaf` is an instruction instead of a call.
    if std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2") {
        flags.extend(["-mfma".into(), "-mavx2".into()]);
    }
    flags
}

/// Compiles to a shared object and returns its bytes.
fn compile(text: &str, flags: &str) -> Result<Vec<u8>, String> {
    let run = || -> io::Result<(Output, Vec<u8>)> {
        let (source, object) = (scratch_file(".cpp")?, scratch_file(".so")?);
        std::fs::write(&source, text)?;
        let arguments: [&OsStr; 3] = ["-o".as_ref(), object.as_ref(), source.as_ref()];
        let output = Command::new(compiler())
            .args(flags.split(' '))
            .args(["-x", "c++"])
            .args(arguments)
            .args(["-lm", "-lc", "-lgcc"])
            .output();
        let _ = std::fs::remove_file(&source);
        let output = output?;
        let bytes = if output.status.success() { std::fs::read(&object)? } else { Vec::new() };
        let _ = std::fs::remove_file(&object);
        Ok((output, bytes))
    };
    let (output, bytes) = run().map_err(no_compiler)?;
    if output.status.success() { Ok(bytes) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Where compiled kernels are kept: `CUDA_EMULATOR_CACHE`, or a folder beside the emulator's shared object.
fn cache_folder() -> io::Result<PathBuf> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match std::env::var_os("CUDA_EMULATOR_CACHE") {
        Some(folder) => folder.into(),
        None => own_path().with_file_name("cuda-emulator-kernels"),
    });
    std::fs::create_dir_all(folder)?;
    Ok(folder.clone())
}

/// The path of the shared object that this code is in.
fn own_path() -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: an all-zero Dl_info is valid, and dladdr fills it for an address in a loaded object; the name is a C string.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(own_path as *const () as *const _, &mut info) == 0 || info.dli_fname.is_null() {
            return std::env::temp_dir().join("cuda-emulator");
        }
        PathBuf::from(OsStr::from_bytes(std::ffi::CStr::from_ptr(info.dli_fname).to_bytes()))
    }
}

/// A new folder of our own for one preprocessor run.
fn scratch() -> io::Result<PathBuf> {
    let folder = cache_folder()?.join(format!("source-{}", unique()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A new file name of our own.
pub(crate) fn scratch_file(ending: &str) -> io::Result<PathBuf> {
    Ok(cache_folder()?.join(format!("{}{ending}", unique())))
}

fn lock(path: &Path) -> io::Result<std::fs::File> {
    let file = std::fs::File::create(path)?;
    file.lock()?;
    Ok(file)
}

/// Differs between all threads of all processes of this machine.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn hash(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

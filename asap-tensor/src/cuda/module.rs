//! Kernels: compiled by NVRTC for the GPU at their first use, and cached on disk.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaFunction, CudaModule};
use cudarc::nvrtc::{Ptx, result, sys};
use sha2::{Digest, Sha256};

use super::device::{Gpu, describe};
use super::libraries;
use crate::error::Result;

const PRELUDE: (&str, &str) = ("prelude.cuh", include_str!("prelude.cuh"));

/// Source text of some kernels, compiled together.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// File name, for messages.
    pub name: &'static str,
    text: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

impl Source {
    /// A file of kernels and the headers before it, as (name, text), after `prelude.cuh`.
    pub(crate) const fn new(
        name: &'static str,
        text: &'static str,
        headers: &'static [(&'static str, &'static str)],
    ) -> Self {
        Source { name, text, headers }
    }

    /// The whole input of the compiler; messages have the line numbers of each file.
    pub fn whole(&self) -> String {
        let mut whole = String::new();
        for (name, text) in [&PRELUDE].into_iter().chain(self.headers).chain([&(self.name, self.text)]) {
            let _ = writeln!(whole, "#line 1 \"{name}\"\n{text}");
        }
        whole
    }
}

/// Compiler options besides the architecture.
const OPTIONS: [&str; 2] = ["--std=c++17", "--generate-line-info"];

/// The compiled kernels of one GPU.
#[derive(Default)]
pub(super) struct Modules {
    modules: Mutex<HashMap<&'static str, Arc<CudaModule>>>,
    functions: Mutex<HashMap<(&'static str, &'static str), CudaFunction>>,
}

impl Modules {
    /// A kernel of a source, compiled at its first use.
    pub(super) fn function(&self, gpu: &Gpu, source: &Source, name: &'static str) -> Result<CudaFunction> {
        let key = (source.name, name);
        if let Some(function) = lock(&self.functions).get(&key) {
            return Ok(function.clone());
        }
        let module = self.module(gpu, source)?;
        let function = gpu.check(&format!("loading kernel {name} of {}", source.name), module.load_function(name))?;
        lock(&self.functions).insert(key, function.clone());
        Ok(function)
    }

    fn module(&self, gpu: &Gpu, source: &Source) -> Result<Arc<CudaModule>> {
        // Locked during compilation, so that two threads do not compile a source twice.
        let mut modules = lock(&self.modules);
        if let Some(module) = modules.get(source.name) {
            return Ok(module.clone());
        }
        let whole = source.whole();
        let target = Target::of(gpu.limits.compute_capability);
        let cached = CachedImage::new(&whole, &target, &gpu.limits.name, gpu.limits.driver);
        // A cached image may be damaged, or unusable with this driver. Then it is compiled again.
        let kept = cached.read().and_then(|image| gpu.context.load_module(Ptx::from_binary(image)).ok());
        let module = match kept {
            Some(module) => module,
            None => {
                let Compiled { image, .. } = compile(source.name, &whole, target, &[])
                    .map_err(|log| gpu.fail(format!("NVRTC can't compile {}: {log}", source.name)))?;
                let module = gpu.context.load_module(Ptx::from_binary(image.clone())).map_err(|error| {
                    gpu.fail(format!(
                        "the driver, which supports CUDA up to {}, rejects {}, compiled by NVRTC {}: {}; install an NVRTC \
                         of the driver's version, or update the driver",
                        libraries::version(gpu.limits.driver),
                        source.name,
                        libraries::nvrtc_version(),
                        describe(error)
                    ))
                })?;
                cached.write(&image);
                module
            }
        };
        modules.insert(source.name, module.clone());
        Ok(module)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What to compile for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Machine code for this architecture, `sm_90` being 90.
    Machine(i32),
    /// Virtual code, which the driver translates: for GPUs newer than the NVRTC.
    Virtual(i32),
}

impl Target {
    /// The best target of the NVRTC for a GPU.
    fn of((major, minor): (i32, i32)) -> Self {
        let card = 10 * major + minor;
        let known = architectures();
        if known.is_empty() || known.contains(&card) {
            return Target::Machine(card);
        }
        known.into_iter().filter(|&known| known <= card).max().map_or(Target::Machine(card), Target::Virtual)
    }

    /// NVRTC's option for it.
    pub fn option(self) -> String {
        match self {
            Target::Machine(number) => format!("--gpu-architecture=sm_{number}"),
            Target::Virtual(number) => format!("--gpu-architecture=compute_{number}"),
        }
    }
}

/// The architectures that NVRTC compiles for; empty if unknown.
pub fn architectures() -> Vec<i32> {
    let mut count = 0;
    // SAFETY: NVRTC is present, and the vector has room for all values.
    unsafe {
        if sys::nvrtcGetNumSupportedArchs(&raw mut count) != sys::nvrtcResult::NVRTC_SUCCESS {
            return Vec::new();
        }
        let mut numbers = vec![0; count.max(0) as usize];
        if sys::nvrtcGetSupportedArchs(numbers.as_mut_ptr()) != sys::nvrtcResult::NVRTC_SUCCESS {
            return Vec::new();
        }
        numbers
    }
}

/// A compiled source.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The machine code, or the virtual code as zero-terminated text.
    pub image: Vec<u8>,
    /// The compiler's warnings and requested information.
    pub log: String,
}

/// Compiles kernels as the backend does, with `more` options; needs no GPU. NVRTC must be present: see
/// [`super::libraries`]. An error is the compiler's log.
pub fn compile(name: &str, text: &str, target: Target, more: &[&str]) -> Result<Compiled, String> {
    let no_zero = |_| "the text has a zero byte".to_owned();
    let (text, name) = (CString::new(text).map_err(no_zero)?, CString::new(name).map_err(no_zero)?);
    let program = result::create_program(&text, Some(&name)).map_err(|error| format!("{:?}", error.0))?;
    let target_option = target.option();
    let options: Vec<&str> = OPTIONS.into_iter().chain([&*target_option]).chain(more.iter().copied()).collect();
    // SAFETY: the program lives until it is destroyed below.
    let (compiled, log) = unsafe { (result::compile_program(program, &options), result::get_program_log(program)) };
    let log = log.map(|log| text_of(&log)).unwrap_or_default();
    let compiled = match compiled {
        // SAFETY: it has been compiled, and is destroyed below.
        Ok(()) => unsafe { image(program, target) }.map(|image| Compiled { image, log }),
        Err(error) if log.is_empty() => Err(format!("{:?}", error.0)),
        Err(_) => Err(log),
    };
    // SAFETY: it was created above and is not used again.
    let _ = unsafe { result::destroy_program(program) };
    compiled
}

/// # Safety
/// The program must have been compiled.
unsafe fn image(program: sys::nvrtcProgram, target: Target) -> Result<Vec<u8>, String> {
    let message = |error: result::NvrtcError| format!("{:?}", error.0);
    // SAFETY: the caller's; NVRTC gets as much room as it requests.
    unsafe {
        if let Target::Virtual(_) = target {
            return Ok(result::get_ptx(program).map_err(message)?.into_iter().map(|c| c as u8).collect());
        }
        let mut size = 0;
        sys::nvrtcGetCUBINSize(program, &raw mut size).result().map_err(message)?;
        let mut image = vec![0u8; size];
        sys::nvrtcGetCUBIN(program, image.as_mut_ptr().cast()).result().map_err(message)?;
        Ok(image)
    }
}

fn text_of(log: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = log.iter().map(|&c| c as u8).collect();
    CStr::from_bytes_until_nul(&bytes).map_or_else(|_| String::new(), |log| log.to_string_lossy().trim().to_owned())
}

/// The file of a compiled source: in the user's cache folder, named by a hash of all that it depends on.
struct CachedImage(Option<PathBuf>);

impl CachedImage {
    fn new(whole: &str, target: &Target, card: &str, driver: i32) -> Self {
        let mut hash = Sha256::new();
        for part in [whole, &target.option(), &OPTIONS.join(" "), &libraries::nvrtc_version(), card] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(driver.to_le_bytes());
        let name = hash.finalize().iter().fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
        CachedImage(dirs::cache_dir().map(|folder| folder.join("asap").join("kernels").join(name + ".cubin")))
    }

    /// The image, if it exists and is intact: its first 32 bytes are the SHA-256 of the rest.
    fn read(&self) -> Option<Vec<u8>> {
        let bytes = std::fs::read(self.0.as_ref()?).ok()?;
        let (hash, image) = bytes.split_at_checked(32)?;
        (Sha256::digest(image).as_slice() == hash).then(|| image.to_vec())
    }

    /// Caches machine code; the driver has its own cache for virtual code. On failure the source is compiled again next
    /// time.
    fn write(&self, image: &[u8]) {
        let Some(path) = self.0.as_ref().filter(|_| image.starts_with(b"\x7fELF")) else { return };
        let bytes = [Sha256::digest(image).as_slice(), image].concat();
        let unfinished = path.with_extension(format!("writing-{}", std::process::id()));
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written = folder.and_then(|()| std::fs::write(&unfinished, bytes));
        if written.and_then(|()| std::fs::rename(&unfinished, path)).is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_cached_images_are_not_read() {
        let folder = std::env::temp_dir().join(format!("asap-kernels-{}", std::process::id()));
        let path = folder.join("image.cubin");
        let cached = CachedImage(Some(path.clone()));
        assert_eq!(cached.read(), None);
        cached.write(b"\x7fELF machine code");
        assert_eq!(cached.read().as_deref(), Some(&b"\x7fELF machine code"[..]));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(cached.read(), None, "byte {at}");
        }
        std::fs::write(&path, &whole[..20]).unwrap();
        assert_eq!(cached.read(), None);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
        // A folder that can't be created, and virtual code.
        CachedImage(Some("/dev/null/image.cubin".into())).write(b"\x7fELF");
        CachedImage(Some(path.clone())).write(b".version 8.0");
        assert!(!path.exists());
    }

    #[test]
    fn messages_have_the_line_numbers_of_each_file() {
        let source = Source::new("family.cu", "kernel", &[("header.cuh", "first\nsecond")]);
        let whole = source.whole();
        assert!(whole.starts_with("#line 1 \"prelude.cuh\"\n"));
        assert!(whole.ends_with("#line 1 \"header.cuh\"\nfirst\nsecond\n#line 1 \"family.cu\"\nkernel\n"));
    }
}

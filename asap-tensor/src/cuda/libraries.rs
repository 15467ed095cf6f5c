//! The three libraries that CUDA programs need, which are not part of this program: the driver, NVRTC and cuBLAS.
//!
//! They are opened when the first GPU is. The driver comes with the card's driver package; NVRTC and cuBLAS with the
//! CUDA toolkit, or as Python packages. They are looked for in the folders that [`FOLDERS_VARIABLE`] names, then on the
//! system's library path, then in the usual places.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cudarc::{cublas, driver, nvrtc};

/// Names folders with CUDA's libraries, tried before all others; separated as in `PATH`.
pub const FOLDERS_VARIABLE: &str = "ASAP_CUDA_LIBRARIES";

/// One of the three libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// `libcuda`: talks to the card.
    Driver,
    /// `libnvrtc`: compiles kernels.
    Nvrtc,
    /// `libcublas`: matrix products.
    Cublas,
}

impl Library {
    /// All of them.
    pub const ALL: [Library; 3] = [Library::Driver, Library::Nvrtc, Library::Cublas];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Library::Driver => "NVIDIA driver",
            Library::Nvrtc => "NVRTC",
            Library::Cublas => "cuBLAS",
        }
    }

    /// The start of its file's name.
    pub fn file(self) -> &'static str {
        match self {
            Library::Driver => "libcuda.so",
            Library::Nvrtc => "libnvrtc.so",
            Library::Cublas => "libcublas.so",
        }
    }

    /// How to get it.
    pub fn remedy(self) -> &'static str {
        match self {
            Library::Driver => "install the NVIDIA driver of this machine's card",
            Library::Nvrtc => {
                "install the CUDA toolkit, or `pip install nvidia-cuda-nvrtc`, and if it is in an unusual place name \
                 its folder in ASAP_CUDA_LIBRARIES"
            }
            Library::Cublas => {
                "install the CUDA toolkit, or `pip install nvidia-cublas`, and if it is in an unusual place name its \
                 folder in ASAP_CUDA_LIBRARIES"
            }
        }
    }

    /// What must be loaded before it, as the start of a file's name: it would be looked for on the library path alone.
    fn before(self) -> &'static [&'static str] {
        match self {
            Library::Driver => &[],
            Library::Nvrtc => &["libnvrtc-builtins.so"],
            Library::Cublas => &["libcublasLt.so"],
        }
    }

    fn on_path(self) -> bool {
        // SAFETY: opening these libraries runs only their own initialization.
        unsafe {
            match self {
                Library::Driver => driver::sys::is_culib_present(),
                Library::Nvrtc => nvrtc::sys::is_culib_present(),
                Library::Cublas => cublas::sys::is_culib_present(),
            }
        }
    }

    /// Finds and opens the library: on the system's path, or the first in the usual places that opens. Once open, it is
    /// found by its name.
    ///
    /// # Errors
    /// What is missing and how to get it; or, for a file that is there but does not open, why not.
    pub fn find(self) -> Result<Found, String> {
        // One after the other: two threads must not open different versions.
        static SEARCH: Mutex<()> = Mutex::new(());
        let _search = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
        let explicit = folders_named();
        let mut trouble = Vec::new();
        for folder in &explicit {
            if let Some(found) = self.open_in(folder, &mut trouble) {
                return Ok(found);
            }
        }
        if self.on_path() {
            return Ok(Found::OnPath);
        }
        for folder in usual_folders() {
            if let Some(found) = self.open_in(&folder, &mut trouble) {
                return Ok(found);
            }
        }
        let mut why = format!("{} ({}) is missing; {}", self.name(), self.file(), self.remedy());
        for (file, error) in trouble {
            why += &format!("; {} does not open: {error}", file.display());
        }
        Err(why)
    }

    fn open_in(self, folder: &Path, trouble: &mut Vec<(PathBuf, String)>) -> Option<Found> {
        let file = newest(folder, self.file())?;
        for before in self.before() {
            if let Some(file) = newest(folder, before) {
                open(&file).ok();
            }
        }
        match open(&file) {
            Ok(()) if self.on_path() => Some(Found::At(file)),
            Ok(()) => {
                trouble.push((file, "its version is not 12 or 13".into()));
                None
            }
            Err(error) => {
                trouble.push((file, error));
                None
            }
        }
    }
}

/// Where a library was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// On the system's library path, or open already.
    OnPath,
    /// In this file.
    At(PathBuf),
}

/// Opens a library for the rest of the program's life.
fn open(file: &Path) -> Result<(), String> {
    // SAFETY: opening these libraries runs only their own initialization.
    let library = unsafe { libloading::Library::new(file) }.map_err(|error| error.to_string())?;
    std::mem::forget(library);
    Ok(())
}

/// The file in a folder whose name starts so, the one with the highest version.
fn newest(folder: &Path, start: &str) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let version = |path: &PathBuf| -> Option<Vec<u32>> {
        let rest = path.file_name()?.to_str()?.strip_prefix(start)?;
        rest.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
    };
    files.filter_map(|path| version(&path).map(|version| (version, path))).max().map(|(_, path)| path)
}

fn folders_named() -> Vec<PathBuf> {
    std::env::var_os(FOLDERS_VARIABLE).map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default()
}

/// Where toolkits and Python packages put the libraries.
fn usual_folders() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut folders = Vec::new();
    for toolkit in ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"].into_iter().filter_map(variable) {
        folders.extend([toolkit.join("lib64"), toolkit.join("lib"), toolkit.join("targets/x86_64-linux/lib")]);
    }
    for environment in ["CONDA_PREFIX", "VIRTUAL_ENV"].into_iter().filter_map(variable) {
        folders.push(environment.join("lib"));
        folders.extend(python_folders(&environment.join("lib")));
    }
    for toolkit in sorted(Path::new("/usr/local"), "cuda").into_iter().chain([PathBuf::from("/opt/cuda")]) {
        folders.extend([toolkit.join("lib64"), toolkit.join("targets/x86_64-linux/lib")]);
    }
    folders.extend(["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib"].map(PathBuf::from));
    let home = variable("HOME").map(|home| home.join(".local/lib"));
    for library in home.into_iter().chain(["/usr/local/lib", "/usr/lib"].map(PathBuf::from)) {
        folders.extend(python_folders(&library));
    }
    folders
}

/// The folders with libraries of NVIDIA's Python packages below `lib`.
fn python_folders(lib: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for python in sorted(lib, "python") {
        for packages in ["site-packages", "dist-packages"] {
            for package in sorted(&python.join(packages).join("nvidia"), "") {
                folders.push(package.join("lib"));
            }
        }
    }
    folders
}

/// The folder's entries whose names start so, the last in the alphabet first, so that newer versions go before older.
fn sorted(folder: &Path, start: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    let mut found: Vec<PathBuf> = entries.filter(named).collect();
    found.sort();
    found.reverse();
    found
}

/// Opens all three libraries.
///
/// # Errors
/// Which are missing and how to get them.
pub fn require_all() -> Result<(), String> {
    let missing: Vec<String> = Library::ALL.into_iter().filter_map(|library| library.find().err()).collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join(". ")) }
}

/// A version as CUDA numbers it, in words: 13000 is 13.0.
pub fn version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

/// The newest CUDA that the driver knows, as CUDA numbers it, or 0. The driver must be present.
pub fn driver_version() -> i32 {
    let mut number = 0;
    // SAFETY: the driver is present, and writes one number.
    let answer = unsafe { driver::sys::cuDriverGetVersion(&raw mut number) };
    if answer == driver::sys::CUresult::CUDA_SUCCESS { number } else { 0 }
}

/// NVRTC's version. It must be present.
pub fn nvrtc_version() -> String {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: NVRTC is present, and writes two values.
    unsafe { nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) };
    format!("{major}.{minor}")
}

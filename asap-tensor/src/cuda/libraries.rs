//! The three libraries that CUDA programs load: the driver, NVRTC and cuBLAS.
//!
//! They are opened with the first GPU. The driver comes with the GPU's driver package; NVRTC and cuBLAS with the CUDA
//! toolkit, or as Python packages. They are searched in the folders of [`FOLDERS_VARIABLE`], then on the system's library
//! path, then in the usual places.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cudarc::{cublas, driver, nvrtc};

/// Environment variable with folders of CUDA's libraries, searched first; separated as in `PATH`.
pub const FOLDERS_VARIABLE: &str = "ASAP_CUDA_LIBRARIES";

/// One of the three libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// `libcuda`: controls the GPU.
    Driver,
    /// `libnvrtc`: compiles kernels.
    Nvrtc,
    /// `libcublas`: matrix products.
    Cublas,
}

impl Library {
    /// All of them.
    pub const ALL: [Library; 3] = [Library::Driver, Library::Nvrtc, Library::Cublas];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// The start of its file name.
    pub fn file(self) -> &'static str {
        self.facts().1
    }

    /// Name, start of the file name, how to install it, and the library that must be loaded first: the loader would search
    /// for that on the library path only.
    fn facts(self) -> (&'static str, &'static str, &'static str, Option<&'static str>) {
        match self {
            Library::Driver => ("NVIDIA driver", "libcuda.so", "install the NVIDIA driver of this machine's GPU", None),
            Library::Nvrtc => (
                "NVRTC",
                "libnvrtc.so",
                "install the CUDA toolkit, or `pip install nvidia-cuda-nvrtc`; if it is in an unusual folder, set \
                 ASAP_CUDA_LIBRARIES to that",
                Some("libnvrtc-builtins.so"),
            ),
            Library::Cublas => (
                "cuBLAS",
                "libcublas.so",
                "install the CUDA toolkit, or `pip install nvidia-cublas`; if it is in an unusual folder, set \
                 ASAP_CUDA_LIBRARIES to that",
                Some("libcublasLt.so"),
            ),
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

    /// Finds and opens the library; from then on it is found by name. An error says how to install it, or why a file does
    /// not open.
    pub fn find(self) -> Result<Found, String> {
        // One search at a time: two threads must not open different versions.
        static SEARCH: Mutex<()> = Mutex::new(());
        let _search = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failures = Vec::new();
        let mut open = |folders: Vec<PathBuf>| folders.iter().find_map(|folder| self.open_in(folder, &mut failures));
        if let Some(found) = open(folders_named()) {
            return Ok(found);
        }
        if self.on_path() {
            return Ok(Found::OnPath);
        }
        if let Some(found) = open(usual_folders()) {
            return Ok(found);
        }
        let (name, file, remedy, _) = self.facts();
        let mut why = format!("{name} ({file}) is missing; {remedy}");
        for (file, error) in failures {
            why += &format!("; {} does not open: {error}", file.display());
        }
        Err(why)
    }

    fn open_in(self, folder: &Path, failures: &mut Vec<(PathBuf, String)>) -> Option<Found> {
        let file = newest(folder, self.file())?;
        if let Some(before) = self.facts().3.and_then(|before| newest(folder, before)) {
            open(&before).ok();
        }
        let error = match open(&file) {
            Ok(()) if self.on_path() => return Some(Found::At(file)),
            Ok(()) => "its version is not 12 or 13".into(),
            Err(error) => error,
        };
        failures.push((file, error));
        None
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

/// The file of the highest version in a folder whose name starts so.
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

/// Where toolkits and Python packages install the libraries.
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

/// The folder's entries whose names start so, in reverse order: newer versions first.
fn sorted(folder: &Path, start: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    let mut found: Vec<PathBuf> = entries.filter(named).collect();
    found.sort();
    found.reverse();
    found
}

/// Opens all three libraries. An error lists the missing ones and how to install them.
pub fn require_all() -> Result<(), String> {
    let missing: Vec<String> = Library::ALL.into_iter().filter_map(|library| library.find().err()).collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join(". ")) }
}

/// Formats a version number of CUDA: 13000 is 13.0.
pub fn version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

/// The newest CUDA that the driver supports, in CUDA's numbering, or 0. The driver must be present.
pub fn driver_version() -> i32 {
    let mut number = 0;
    // SAFETY: the driver is present, and writes one number.
    let result = unsafe { driver::sys::cuDriverGetVersion(&raw mut number) };
    if result == driver::sys::CUresult::CUDA_SUCCESS { number } else { 0 }
}

/// NVRTC's version. It must be present.
pub fn nvrtc_version() -> String {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: NVRTC is present, and writes two values.
    unsafe { nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) };
    format!("{major}.{minor}")
}

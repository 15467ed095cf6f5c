//! `asap doctor`: what this machine offers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
#[cfg(feature = "cuda")]
use asap_tensor::cuda::libraries::{self, Library, version};
use asap_tensor::ops::{Conv2d, conv2d};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Cpu, Reference, Tensor};
#[cfg(feature = "cuda")]
use asap_tensor::{Cuda, MatmulPrecision, Storage};
use serde_json::{Value, json};

use crate::args::Common;
use crate::device::cpu_threads;
use crate::exit::DEVICE;
use crate::machine::{bytes, free_space, memory, operating_system, processor};
use crate::output::Output;

/// Where runs go unless `--out` says otherwise.
const RUNS: &str = "runs";

/// Looks at everything that a run needs; exit code 4 if the cpu device does not work.
pub fn run(common: &Common, output: &Output) -> Result<ExitCode> {
    let (devices, libraries) = (devices(common), cuda_libraries());
    let works = devices.iter().any(|device| device.name == "cpu" && device.fault.is_none());
    let (processor, memory, runs) = (processor(), memory(), runs());
    let presets: Vec<&str> = Config::presets().map(|(name, _)| name).collect();
    let version = env!("CARGO_PKG_VERSION");
    output.result(
        || {
            json!({
                "version": version, "os": operating_system(), "ok": works,
                "cpu": {
                    "model": processor.model, "cores": processor.cores, "threads": processor.threads,
                    "threads_used": cpu_threads(common), "simd": processor.simd,
                },
                "memory": {
                    "total_bytes": memory.total, "available_bytes": memory.available, "limit_bytes": memory.limit,
                },
                "cuda_libraries": libraries.iter().map(Sought::json).collect::<Vec<_>>(),
                "devices": devices.iter().map(Found::json).collect::<Vec<_>>(),
                "presets": presets,
                "runs": { "dir": runs.dir, "writable": runs.fault.is_none(), "free_bytes": runs.free },
            })
        },
        || {
            let cores = processor.cores.map_or_else(String::new, |cores| format!("{cores} cores, "));
            let simd = if processor.simd.is_empty() { "no SIMD known here".into() } else { processor.simd.join(" ") };
            let limit = memory.limit.map_or_else(String::new, |limit| format!(", limited to {}", bytes(limit)));
            let mut lines = vec![
                format!("asap       {version}, {}", operating_system()),
                format!(
                    "processor  {}: {cores}{} threads, {} used; {simd}",
                    processor.model,
                    processor.threads,
                    cpu_threads(common)
                ),
                format!("memory     {} available of {}{limit}", bytes(memory.available), bytes(memory.total)),
            ];
            lines.extend(devices.iter().map(Found::text));
            lines.extend(libraries.iter().map(Sought::text));
            lines.push(format!("presets    built in: {}", presets.join(", ")));
            let free = runs.free.map_or_else(String::new, |free| format!(", {} free", bytes(free)));
            let state =
                runs.fault.as_ref().map_or_else(|| "writable".to_owned(), |fault| format!("NOT WRITABLE: {fault}"));
            lines.push(format!("runs       {}: {state}{free}", runs.dir.display()));
            lines.join("\n")
        },
    );
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::from(DEVICE) })
}

/// A device that was looked for.
struct Found {
    name: String,
    /// What it is, where that is not said elsewhere.
    what: Option<String>,
    /// Why it can't be used; `None` if it works.
    fault: Option<String>,
}

impl Found {
    fn json(&self) -> Value {
        json!({ "device": self.name, "what": self.what, "ok": self.fault.is_none(), "fault": self.fault })
    }

    fn text(&self) -> String {
        let what = self.what.as_ref().map_or_else(String::new, |what| format!("{what}; "));
        let state = self.fault.as_deref().unwrap_or("works: a convolution is that of the reference");
        format!("{:<10} {what}{state}", self.name)
    }
}

fn devices(common: &Common) -> Vec<Found> {
    let cpu = Cpu::new(common.threads.map(usize::from)).and_then(|cpu| self_check(&cpu));
    let cpu = Found { name: "cpu".into(), what: None, fault: cpu.unwrap_or_else(|error| Some(error.to_string())) };
    std::iter::once(cpu).chain(gpus()).collect()
}

/// A library of CUDA that was looked for.
struct Sought {
    name: &'static str,
    file: &'static str,
    /// Where it is, or what to do.
    place: std::result::Result<String, String>,
}

impl Sought {
    fn json(&self) -> Value {
        let (place, fault) = (self.place.as_ref().ok(), self.place.as_ref().err());
        json!({ "library": self.name, "file": self.file, "found": place, "fault": fault })
    }

    fn text(&self) -> String {
        let state = match &self.place {
            Ok(place) => format!("found {place}"),
            Err(fault) => fault.clone(),
        };
        format!("{:<10} {state}", self.file.trim_end_matches(".so"))
    }
}

/// Every GPU, or one fault that says why there is none.
#[cfg(feature = "cuda")]
fn gpus() -> Vec<Found> {
    let faulty = |name: String, error| {
        let why = match error {
            asap_tensor::Error::Device { why, .. } => why,
            other => other.to_string(),
        };
        Found { name, what: None, fault: Some(why) }
    };
    match Cuda::count() {
        Err(error) => vec![faulty("cuda".into(), error)],
        // Opening the first says that there is none.
        Ok(0) => gpu(0).map_or_else(|error| vec![faulty("cuda".into(), error)], |found| vec![found]),
        Ok(count) => (0..count)
            .map(|number| gpu(number).unwrap_or_else(|error| faulty(format!("cuda:{number}"), error)))
            .collect(),
    }
}

/// A GPU that can be opened, and what is wrong with it if anything is.
#[cfg(feature = "cuda")]
fn gpu(number: usize) -> asap_tensor::Result<Found> {
    let cuda = Cuda::new(number, MatmulPrecision::Highest)?;
    let limits = cuda.limits();
    let (major, minor) = limits.compute_capability;
    let what = format!(
        "{}, compute capability {major}.{minor}, {}, driver for CUDA {}",
        limits.name,
        bytes(limits.memory as u64),
        version(limits.driver)
    );
    let fault = self_check(&cuda).unwrap_or_else(|error| Some(error.to_string()));
    Ok(Found { name: cuda.device(), what: Some(what), fault })
}

#[cfg(not(feature = "cuda"))]
fn gpus() -> Vec<Found> {
    vec![Found { name: "cuda".into(), what: None, fault: Some("this program was built without CUDA".into()) }]
}

#[cfg(feature = "cuda")]
fn cuda_libraries() -> Vec<Sought> {
    let place = |found| match found {
        libraries::Found::OnPath => "on the library path".to_owned(),
        libraries::Found::At(file) => file.display().to_string(),
    };
    let sought =
        |library: Library| Sought { name: library.name(), file: library.file(), place: library.find().map(place) };
    Library::ALL.into_iter().map(sought).collect()
}

#[cfg(not(feature = "cuda"))]
fn cuda_libraries() -> Vec<Sought> {
    Vec::new()
}

/// A small convolution compared with the reference in double precision: what is wrong, if anything is.
fn self_check<B: Backend>(backend: &B) -> asap_tensor::Result<Option<String>> {
    let (found, expected) = (convolution(backend)?, convolution(&Reference::<f64>::new())?);
    let off = |a: f64, b: f64| (a - b).abs();
    // 45 products of numbers below 1 each, far above their rounding. What is not a number is not below either.
    let wrong = found.iter().zip(&expected).find(|(a, b)| off(**a, **b).is_nan() || off(**a, **b) >= 1e-4);
    Ok(match wrong {
        Some((a, b)) => Some(format!("its convolution has {a:e} where the reference's has {b:e}")),
        None if found.len() != expected.len() => Some("its convolution has another size than the reference's".into()),
        None => None,
    })
}

fn convolution<B: Backend>(backend: &B) -> asap_tensor::Result<Vec<f64>> {
    let tensor = |name: &str, shape: [usize; 4]| {
        Tensor::from_f32(backend, shape, &uniform_by_name(name, shape.iter().product()))
    };
    let (x, weight) = (tensor("doctor.x", [2, 5, 19, 23])?, tensor("doctor.weight", [7, 5, 3, 3])?);
    conv2d(&x, &weight, None, Conv2d { stride: 2, padding: 1 })?.to_f64()
}

/// The folder that runs go to.
struct Runs {
    dir: PathBuf,
    /// Why nothing can be written there.
    fault: Option<String>,
    free: Option<u64>,
}

fn runs() -> Runs {
    let dir = PathBuf::from(RUNS);
    // A folder that is not there yet is made in the one above it.
    let place = if dir.is_dir() { dir.as_path() } else { Path::new(".") };
    let fault = tempfile::tempfile_in(place).err().map(|error| error.to_string());
    let free = free_space(place);
    Runs { dir, fault, free }
}

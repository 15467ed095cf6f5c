//! `asap doctor`: hardware and library support.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
#[cfg(feature = "cuda")]
use asap_tensor::cuda::libraries::{Found, Library, version};
use asap_tensor::ops::{Conv2d, conv2d};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Cpu, Reference, Tensor};
#[cfg(feature = "cuda")]
use asap_tensor::{Cuda, MatmulPrecision, Storage};
use indicatif::DecimalBytes;
use serde_json::{Value, json};

use crate::args::Common;
use crate::device::cpu_threads;
use crate::exit::DEVICE;
use crate::machine::{free_space, memory, operating_system, processor};
use crate::output::Output;

/// Checks everything that a run needs; exit code 4 if the cpu device does not work.
pub fn run(common: &Common, output: &Output) -> Result<ExitCode> {
    let problem = Cpu::new(common.threads.map(usize::from)).and_then(|cpu| self_test(&cpu));
    let problem = problem.unwrap_or_else(|error| Some(error.to_string()));
    let works = problem.is_none();
    let mut devices = vec![device("cpu", None, problem)];
    devices.extend(gpus());
    let libraries = cuda_libraries();
    let (version, system, processor, memory) = (env!("CARGO_PKG_VERSION"), operating_system(), processor(), memory());
    let presets: Vec<&str> = Config::presets().map(|(name, _)| name).collect();
    let runs = Path::new("runs");
    // If it does not exist yet, it will be created here.
    let place = if runs.is_dir() { runs } else { Path::new(".") };
    let unwritable = tempfile::tempfile_in(place).err();
    let free = free_space(place);
    output.result(
        || {
            json!({
                "version": version, "os": system, "ok": works,
                "cpu": {
                    "model": processor.model, "cores": processor.cores, "threads": processor.threads,
                    "threads_used": cpu_threads(common), "simd": processor.simd,
                },
                "memory": {
                    "total_bytes": memory.total, "available_bytes": memory.available, "limit_bytes": memory.limit,
                },
                "cuda_libraries": libraries.iter().map(|item| &item.json).collect::<Vec<_>>(),
                "devices": devices.iter().map(|item| &item.json).collect::<Vec<_>>(),
                "presets": presets,
                "runs": { "dir": runs, "writable": unwritable.is_none(), "free_bytes": free },
            })
        },
        || {
            let cores = processor.cores.map_or_else(String::new, |cores| format!("{cores} cores, "));
            let simd = if processor.simd.is_empty() { "no supported SIMD".into() } else { processor.simd.join(" ") };
            let limit = memory.limit.map_or_else(String::new, |limit| format!(", limited to {}", DecimalBytes(limit)));
            let (available, total) = (DecimalBytes(memory.available), DecimalBytes(memory.total));
            let mut lines = vec![
                format!("asap       {version}, {system}"),
                format!(
                    "processor  {}: {cores}{} threads, {} used; {simd}",
                    processor.model,
                    processor.threads,
                    cpu_threads(common)
                ),
                format!("memory     {available} available of {total}{limit}"),
            ];
            lines.extend(devices.iter().chain(&libraries).map(|item| item.text.clone()));
            lines.push(format!("presets    {}", presets.join(", ")));
            let free = free.map_or_else(String::new, |free| format!(", {} free", DecimalBytes(free)));
            let state = unwritable.as_ref().map_or("writable".into(), |error| format!("NOT WRITABLE: {error}"));
            lines.push(format!("runs       {}: {state}{free}", runs.display()));
            lines.join("\n")
        },
    );
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::from(DEVICE) })
}

/// A device or library, for scripts and for people.
struct Item {
    json: Value,
    text: String,
}

/// A device, described by `what`; `problem` says why it can't be used.
fn device(name: &str, what: Option<String>, problem: Option<String>) -> Item {
    let json = json!({ "device": name, "what": what, "ok": problem.is_none(), "problem": problem });
    let what = what.map_or_else(String::new, |what| what + "; ");
    Item { json, text: format!("{name:<10} {what}{}", problem.as_deref().unwrap_or("self-test passed")) }
}

/// Every GPU, or one item that says why there is none.
#[cfg(feature = "cuda")]
fn gpus() -> Vec<Item> {
    let unusable = |name: &str, error| {
        let why = match error {
            asap_tensor::Error::Device { why, .. } => why,
            other => other.to_string(),
        };
        device(name, None, Some(why))
    };
    match Cuda::count() {
        Err(error) => vec![unusable("cuda", error)],
        // Opening the first reports that there is none.
        Ok(0) => vec![gpu(0).unwrap_or_else(|error| unusable("cuda", error))],
        Ok(count) => (0..count)
            .map(|number| gpu(number).unwrap_or_else(|error| unusable(&format!("cuda:{number}"), error)))
            .collect(),
    }
}

#[cfg(feature = "cuda")]
fn gpu(number: usize) -> asap_tensor::Result<Item> {
    let cuda = Cuda::new(number, MatmulPrecision::Highest)?;
    let limits = cuda.limits();
    let (major, minor) = limits.compute_capability;
    let what = format!(
        "{}, compute capability {major}.{minor}, {}, driver for CUDA {}",
        limits.name,
        DecimalBytes(limits.memory as u64),
        version(limits.driver)
    );
    let problem = self_test(&cuda).unwrap_or_else(|error| Some(error.to_string()));
    Ok(device(&cuda.device(), Some(what), problem))
}

#[cfg(not(feature = "cuda"))]
fn gpus() -> Vec<Item> {
    vec![device("cuda", None, Some("this program was built without CUDA".into()))]
}

#[cfg(feature = "cuda")]
fn cuda_libraries() -> Vec<Item> {
    let item = |library: Library| {
        let (file, found) = (library.file(), library.find());
        let found = found.map(|found| match found {
            Found::OnPath => "on the library path".to_owned(),
            Found::At(file) => file.display().to_string(),
        });
        let text = found.as_ref().map_or_else(String::clone, |place| format!("found {place}"));
        let (place, problem) = (found.as_ref().ok(), found.as_ref().err());
        Item {
            json: json!({ "library": library.name(), "file": file, "found": place, "problem": problem }),
            text: format!("{:<10} {text}", file.trim_end_matches(".so")),
        }
    };
    Library::ALL.into_iter().map(item).collect()
}

#[cfg(not(feature = "cuda"))]
fn cuda_libraries() -> Vec<Item> {
    Vec::new()
}

/// Compares a small convolution with the reference in double precision; returns the first difference.
fn self_test<B: Backend>(backend: &B) -> asap_tensor::Result<Option<String>> {
    let (found, expected) = (convolution(backend)?, convolution(&Reference::<f64>::new())?);
    // Far above the rounding of 45 products of values below 1; NaN is not close to anything.
    let is_close = |a: f64, b: f64| (a - b).abs() < 1e-4;
    let wrong = found.into_iter().zip(expected).find(|&(a, b)| !is_close(a, b));
    Ok(wrong.map(|(a, b)| format!("self-test failed: a convolution gives {a:e} instead of {b:e}")))
}

fn convolution<B: Backend>(backend: &B) -> asap_tensor::Result<Vec<f64>> {
    let tensor = |name: &str, shape: [usize; 4]| {
        Tensor::from_f32(backend, shape, &uniform_by_name(name, shape.iter().product()))
    };
    let (x, weight) = (tensor("doctor.x", [2, 5, 19, 23])?, tensor("doctor.weight", [7, 5, 3, 3])?);
    conv2d(&x, &weight, None, Conv2d { stride: 2, padding: 1 })?.to_f64()
}

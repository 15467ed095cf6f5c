//! `asap doctor`: what this machine offers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
use asap_tensor::ops::conv2d;
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Cpu, Reference, Tensor};
use serde_json::{Value, json};

use crate::args::Common;
use crate::device::threads;
use crate::exit::DEVICE;
use crate::machine::{bytes, free_space, memory, operating_system, processor};
use crate::output::Output;

/// Where runs go unless `--out` says otherwise.
const RUNS: &str = "runs";

/// Looks at everything that a run needs; exit code 4 if the cpu device does not work.
pub fn run(common: &Common, output: &Output) -> Result<ExitCode> {
    let devices = devices(common);
    let works = devices.iter().any(|device| device.name == "cpu" && device.fault.is_none());
    let (processor, memory, runs) = (processor(), memory(), runs());
    let presets: Vec<&str> = Config::presets().iter().map(|(name, _)| *name).collect();
    let version = env!("CARGO_PKG_VERSION");
    output.result(
        || {
            json!({
                "version": version, "os": operating_system(), "ok": works,
                "cpu": {
                    "model": processor.model, "cores": processor.cores, "threads": processor.threads,
                    "threads_used": threads(common), "simd": processor.simd,
                },
                "memory": {
                    "total_bytes": memory.total, "available_bytes": memory.available, "limit_bytes": memory.limit,
                },
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
                    threads(common)
                ),
                format!("memory     {} available of {}{limit}", bytes(memory.available), bytes(memory.total)),
            ];
            lines.extend(devices.iter().map(Found::text));
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
    name: &'static str,
    /// Why it can't be used; `None` if it works.
    fault: Option<String>,
}

impl Found {
    fn json(&self) -> Value {
        json!({ "device": self.name, "ok": self.fault.is_none(), "fault": self.fault })
    }

    fn text(&self) -> String {
        let state = self.fault.as_deref().unwrap_or("works: a convolution is that of the reference");
        format!("{:<10} {state}", self.name)
    }
}

fn devices(common: &Common) -> Vec<Found> {
    let cpu = Cpu::new(common.threads.map(usize::from)).and_then(|cpu| self_check(&cpu));
    vec![
        Found { name: "cpu", fault: cpu.unwrap_or_else(|error| Some(error.to_string())) },
        Found { name: "cuda", fault: Some("this program was built without CUDA".into()) },
    ]
}

/// A small convolution compared with the reference in double precision: what is wrong, if anything is.
fn self_check<B: Backend>(backend: &B) -> asap_tensor::Result<Option<String>> {
    let (found, expected) = (convolution(backend)?, convolution(&Reference::<f64>::new())?);
    let error = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    // 45 products of numbers below 1 each, far above their rounding.
    let fits = found.len() == expected.len() && error < 1e-4;
    Ok((!fits).then(|| format!("its convolution is {error:e} off the reference's")))
}

fn convolution<B: Backend>(backend: &B) -> asap_tensor::Result<Vec<f64>> {
    let tensor = |name: &str, shape: [usize; 4]| {
        Tensor::from_f32(backend, shape, &uniform_by_name(name, shape.iter().product()))
    };
    conv2d(&tensor("doctor.x", [2, 5, 19, 23])?, &tensor("doctor.weight", [7, 5, 3, 3])?, None, 2, 1)?.to_f64()
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

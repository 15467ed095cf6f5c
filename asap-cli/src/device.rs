//! Which device computes.

use anyhow::Result;
use asap_model::Error;
use asap_tensor::{Backend, Cpu, Profiler, Reference, Storage};

use crate::args::Common;
use crate::output::Output;

/// Something to do on whichever backend is chosen.
pub trait Task {
    /// What comes of it.
    type Output;
    /// Does it.
    fn run<B: Backend>(self, backend: B) -> Result<Self::Output>;
}

/// Runs a task on the device that the arguments choose.
pub fn on_device<T: Task>(common: &Common, output: &Output, task: T) -> Result<T::Output> {
    match common.device.as_str() {
        "auto" => {
            output.say(format_args!("device: {}", describe(&cpu(common)?)));
            task.run(cpu(common)?)
        }
        "cpu" => task.run(cpu(common)?),
        "reference" => task.run(Reference::<f32>::new()),
        "reference64" => task.run(Reference::<f64>::new()),
        cuda if cuda == "cuda" || cuda.starts_with("cuda:") => Err(asap_tensor::Error::Device {
            device: cuda.into(),
            why: "this program was built without CUDA; use --device cpu".into(),
        }
        .into()),
        other => Err(Error::Config {
            origin: format!("--device {other}"),
            problem: "there is no such device; there are auto, cpu, cuda[:N], reference and reference64".into(),
        }
        .into()),
    }
}

/// As [`on_device`], with a profiler attached.
pub fn on_profiled_device<T: Task>(
    common: &Common,
    output: &Output,
    profiler: &Profiler,
    task: T,
) -> Result<T::Output> {
    struct Profiled<'a, T>(T, &'a Profiler);
    impl<T: Task> Task for Profiled<'_, T> {
        type Output = T::Output;
        fn run<B: Backend>(self, backend: B) -> Result<T::Output> {
            self.0.run(backend.with_profiler(self.1.clone()))
        }
    }
    on_device(common, output, Profiled(task, profiler))
}

fn cpu(common: &Common) -> Result<Cpu> {
    Ok(Cpu::new(common.threads.map(usize::from))?)
}

fn describe(cpu: &Cpu) -> String {
    let threads = cpu.threads();
    format!("{} with {threads} thread{}", cpu.device(), if threads == 1 { "" } else { "s" })
}

/// Threads that a device computes with.
pub fn threads(common: &Common) -> usize {
    match common.device.as_str() {
        "auto" | "cpu" => {
            common.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
        }
        _ => 1,
    }
}

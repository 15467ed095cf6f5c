//! Which device computes.

#[cfg(feature = "cuda")]
use std::sync::OnceLock;

use anyhow::Result;
#[cfg(feature = "cuda")]
use asap_tensor::cuda::libraries::Library;
use asap_tensor::{Backend, Cpu, Profiler, Reference, Storage};
#[cfg(feature = "cuda")]
use asap_tensor::{Cuda, MatmulPrecision};

#[cfg(feature = "cuda")]
use crate::args::common::Precision;
use crate::args::common::{Common, Device};
use crate::machine::memory;
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
    match common.device {
        Device::Auto => match auto(common) {
            #[cfg(feature = "cuda")]
            Ok(cuda) => {
                output.say(format_args!("device: {cuda:?}"));
                task.run(cuda.clone())
            }
            Err(why) => {
                let cpu = cpu(common)?;
                output.say(format_args!("device: {}{why}", describe(&cpu)));
                task.run(cpu)
            }
        },
        Device::Cpu => task.run(cpu(common)?),
        Device::Reference => task.run(Reference::<f32>::new()),
        Device::Reference64 => task.run(Reference::<f64>::new()),
        #[cfg(feature = "cuda")]
        Device::Cuda(number) => task.run(Cuda::new(number, common.precision().into())?),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda(number) => Err(asap_tensor::Error::Device {
            device: format!("cuda:{number}"),
            why: "this program was built without CUDA; use --device cpu".into(),
        }
        .into()),
    }
}

/// The GPU that `auto` means, opened once; or what to say behind the cpu device's name, which is nothing where there is
/// no NVIDIA driver at all.
#[cfg(feature = "cuda")]
fn auto(common: &Common) -> std::result::Result<&'static Cuda, &'static str> {
    static FIRST: OnceLock<std::result::Result<Cuda, String>> = OnceLock::new();
    let first = FIRST.get_or_init(|| match Library::Driver.find() {
        Err(_) => Err(String::new()),
        Ok(_) => Cuda::new(0, common.precision().into()).map_err(|error| format!(" (not {error})")),
    });
    first.as_ref().map_err(String::as_str)
}

#[cfg(not(feature = "cuda"))]
fn auto(_common: &Common) -> std::result::Result<std::convert::Infallible, &'static str> {
    Err("")
}

/// Whether the cpu device computes.
pub fn is_cpu(common: &Common) -> bool {
    match common.device {
        Device::Auto => auto(common).is_err(),
        Device::Cpu => true,
        Device::Cuda(_) | Device::Reference | Device::Reference64 => false,
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

#[cfg(feature = "cuda")]
impl From<Precision> for MatmulPrecision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Highest => MatmulPrecision::Highest,
            Precision::High => MatmulPrecision::High,
            Precision::Medium => MatmulPrecision::Medium,
        }
    }
}

/// The cpu device, which may hold some memory beyond what is planned where there is plenty.
fn cpu(common: &Common) -> Result<Cpu> {
    Ok(Cpu::new(Some(cpu_threads(common)))?.with_extra_memory(memory().available / PLENTY))
}

/// The share of the memory at hand that the cpu device may hold beyond what its tensors take.
const PLENTY: u64 = 8;

fn describe(cpu: &Cpu) -> String {
    let threads = cpu.threads();
    format!("{} with {threads} thread{}", cpu.device(), if threads == 1 { "" } else { "s" })
}

/// Threads that a device computes with.
pub fn threads(common: &Common) -> usize {
    if is_cpu(common) { cpu_threads(common) } else { 1 }
}

/// Threads that the cpu device has, whether or not it computes.
pub fn cpu_threads(common: &Common) -> usize {
    common.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

//! Device selection.

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

/// A task that runs on any backend.
pub trait Task {
    /// Its result.
    type Output;
    /// Runs it.
    fn run<B: Backend>(self, backend: B) -> Result<Self::Output>;
}

/// What to do where threads can't be started.
const FEWER_THREADS: &str = "lower --threads, or raise the limits of this process (ulimit -u, ulimit -v)";

/// Runs a task on the device of the arguments.
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
                let (threads, plural) = (cpu.threads(), if cpu.threads() == 1 { "" } else { "s" });
                output.say(format_args!("device: {} with {threads} thread{plural}{why}", cpu.device()));
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

/// The GPU of `auto`, opened once; or why there is none, which is empty without an NVIDIA driver.
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

/// Whether the device is the cpu.
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

/// The cpu device, which may use an eighth of the available memory beyond the plan.
fn cpu(common: &Common) -> Result<Cpu> {
    let cpu = Cpu::new(Some(cpu_threads(common))).map_err(|error| match error {
        asap_tensor::Error::Device { device, why } => {
            asap_tensor::Error::Device { device, why: format!("{why}; {FEWER_THREADS}") }
        }
        other => other,
    })?;
    Ok(cpu.with_extra_memory(memory().available / 8))
}

/// Starts the threads outside the device: they read datasets and measure images.
pub fn start_other_threads(common: &Common) -> Result<()> {
    let threads = cpu_threads(common);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| {
        let why = format!("cannot start {threads} threads: {error}; {FEWER_THREADS}");
        asap_tensor::Error::Device { device: "cpu".into(), why }.into()
    })
}

/// Threads of the device.
pub fn threads(common: &Common) -> usize {
    if is_cpu(common) { cpu_threads(common) } else { 1 }
}

/// Threads of the cpu device, in use or not.
pub fn cpu_threads(common: &Common) -> usize {
    common.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

//! [`Cpu`]: its threads, its memory and the registers that it uses.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::array::{Array, Pool};
use super::simd::{Kernel, Level};
use crate::error::{Error, Result};
use crate::profile::Profiler;

/// Single precision on the CPU, with a thread pool of its own. Results do not depend on the number of threads: work is
/// split by shape alone, and sums run in a fixed order.
#[derive(Clone, Debug)]
pub struct Cpu {
    threads: Arc<ThreadPool>,
    memory: Pool,
    level: Level,
    pub(super) profiler: Option<Profiler>,
}

impl Cpu {
    /// A backend with that many threads; `None` takes one for each core.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        Self::at(Level::best(), threads)
    }

    /// The same with the given registers.
    pub(crate) fn at(level: Level, threads: Option<usize>) -> Result<Self> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("asap-cpu-{index}"))
            .build()
            .map_err(|error| Error::Device { device: "cpu".into(), why: format!("cannot start threads: {error}") })?;
        Ok(Cpu { threads: Arc::new(threads), memory: Pool::default(), level, profiler: None })
    }

    /// The same backend, which may hold `bytes` of memory beyond the most that its tensors ever took at once, or a quarter
    /// of that if it is less: then a round of training asks the system for no memory once the first ones are over.
    #[must_use]
    pub fn holding_more(self, bytes: u64) -> Self {
        self.memory.hold_more(usize::try_from(bytes).unwrap_or(usize::MAX) / size_of::<f32>());
        self
    }

    /// The same backend, for tests of kernels: every number that a kernel is to write is NaN before, so that one that it
    /// leaves out shows.
    #[must_use]
    pub fn marking_unwritten(self) -> Self {
        Cpu { memory: self.memory.marking(), ..self }
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs `work` so that rayon's parallel iterators inside it use this backend's threads.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.threads.install(work)
    }

    /// The registers that kernels use.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// Runs a kernel compiled for this processor, on the calling thread.
    pub(crate) fn vectorize<K: Kernel>(&self, kernel: K) -> K::Output {
        self.level.run(kernel)
    }

    /// `count` uninitialized values, of which the caller writes every one.
    pub(crate) fn array(&self, count: usize) -> Array {
        self.memory.take(count)
    }

    /// Values that exist already.
    pub(crate) fn adopt(&self, numbers: Vec<f32>) -> Arc<Array> {
        Arc::new(self.memory.adopt(numbers))
    }
}

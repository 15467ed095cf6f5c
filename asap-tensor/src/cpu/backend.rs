//! [`Cpu`]: its threads, memory and registers.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::array::{Array, Pool};
use super::level::Level;
use super::simd::Routine;
use crate::error::{Error, Result};
use crate::profile::Profiler;
use crate::storage::Storage;

/// Single precision on the CPU, with its own thread pool. Results do not depend on the number of threads: work is split
/// by shape alone, and sums run in a fixed order.
#[derive(Clone, Debug)]
pub struct Cpu {
    threads: Arc<ThreadPool>,
    memory: Pool,
    level: Level,
    profiler: Option<Profiler>,
}

impl Cpu {
    /// A backend with so many threads; `None`: one per core.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        Self::at(Level::best(), threads)
    }

    pub(crate) fn at(level: Level, threads: Option<usize>) -> Result<Self> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("asap-cpu-{index}"))
            .build()
            .map_err(|error| Error::Device { device: "cpu".into(), why: format!("cannot start threads: {error}") })?;
        Ok(Cpu { threads: Arc::new(threads), memory: Pool::default(), level, profiler: None })
    }

    /// The same backend, which may keep `bytes` of freed memory beyond the peak of its tensors, or a quarter of the peak if
    /// that is less: then training steps after the first few allocate nothing.
    #[must_use]
    pub fn with_extra_memory(self, bytes: u64) -> Self {
        self.memory.allow_extra(usize::try_from(bytes).unwrap_or(usize::MAX) / size_of::<f32>());
        self
    }

    /// The same backend, for tests of kernels: uninitialized values are NaN, so that a value that a kernel fails to write
    /// is detected.
    #[must_use]
    pub fn poison_uninitialized(self) -> Self {
        Cpu { memory: self.memory.marking(), ..self }
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs `work` on this backend's threads, as do rayon's parallel iterators inside it.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.threads.install(work)
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// Runs a kernel compiled for this processor, on the calling thread.
    pub(crate) fn vectorize<K: Routine>(&self, kernel: K) -> K::Output {
        self.level.run(kernel)
    }

    /// `count` uninitialized values: the caller writes each of them.
    pub(crate) fn array(&self, count: usize) -> Array {
        self.memory.take(count)
    }

    /// An array of existing values.
    pub(crate) fn adopt(&self, values: Vec<f32>) -> Arc<Array> {
        Arc::new(self.memory.adopt(values))
    }
}

impl Storage for Cpu {
    type Elem = f32;
    type Buffer = Arc<Array>;
    type IdBuffer = Arc<Vec<u8>>;

    fn device(&self) -> String {
        "cpu".into()
    }

    fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    fn upload(&self, data: Vec<f32>) -> Result<Self::Buffer> {
        Ok(self.adopt(data))
    }

    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<f32>> {
        Ok(buffer.to_vec())
    }

    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer> {
        Ok(Arc::new(self.full(value as f32, count)))
    }

    fn upload_ids(&self, ids: Vec<u8>) -> Result<Self::IdBuffer> {
        Ok(Arc::new(ids))
    }

    fn download_ids(&self, ids: &Self::IdBuffer) -> Result<Vec<u8>> {
        Ok(ids.to_vec())
    }

    fn profiler(&self) -> Option<&Profiler> {
        self.profiler.as_ref()
    }

    fn with_profiler(&self, profiler: Profiler) -> Self {
        Cpu { profiler: Some(profiler), ..self.clone() }
    }
}

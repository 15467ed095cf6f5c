//! The fast backend for ordinary processors: threads, packed matrix products, SIMD.

pub(crate) mod gemm;
pub(crate) mod math;
pub(crate) mod microkernel;
pub(crate) mod parallel;
pub(crate) mod scratch;
pub(crate) mod transpose;

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::backend::Storage;
use crate::error::{Error, Result};
use crate::profile::Profiler;

/// Single precision on the CPU, with a thread pool of its own. Results do not depend on the number of threads: work is
/// split by shape alone, and sums run in a fixed order.
#[derive(Clone, Debug)]
pub struct Cpu {
    pool: Arc<ThreadPool>,
    profiler: Option<Profiler>,
}

impl Cpu {
    /// A backend with that many threads; `None` takes one for each core.
    ///
    /// # Errors
    /// If the threads can't be started.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("asap-cpu-{index}"))
            .build()
            .map_err(|error| Error::Device { device: "cpu".into(), why: format!("cannot start threads: {error}") })?;
        Ok(Cpu { pool: Arc::new(pool), profiler: None })
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` so that rayon's parallel iterators inside it use this backend's threads.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }
}

impl Storage for Cpu {
    type Elem = f32;
    type Buffer = Arc<Vec<f32>>;
    type IdBuffer = Arc<Vec<u8>>;

    fn device(&self) -> String {
        "cpu".into()
    }

    fn threads(&self) -> usize {
        Cpu::threads(self)
    }

    fn upload(&self, data: Vec<f32>) -> Result<Self::Buffer> {
        Ok(Arc::new(data))
    }

    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<f32>> {
        Ok(buffer.to_vec())
    }

    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer> {
        Ok(Arc::new(vec![value as f32; count]))
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
        Cpu { pool: Arc::clone(&self.pool), profiler: Some(profiler) }
    }
}

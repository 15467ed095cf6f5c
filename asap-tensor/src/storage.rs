//! Where values live: the element types, and what every backend does before it computes.

use std::fmt::Debug;

use num_traits::Float;

use crate::error::Result;
use crate::profile::{Cost, Profiler};

/// A number that tensors are made of: `f32` or `f64`.
pub trait Element: Float + Debug + Default + Send + Sync + std::iter::Sum + std::ops::AddAssign + 'static {
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// This number in double precision, exactly.
    fn as_f64(self) -> f64;
}

impl Element for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Element for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
    fn as_f64(self) -> f64 {
        self
    }
}

/// Where values live, and how they get there and back. Cloning a backend or a buffer shares it.
pub trait Storage: Clone + Debug + Send + Sync + 'static {
    /// The values this backend computes in.
    type Elem: Element;
    /// A row of values on the device.
    type Buffer: Clone + Debug + Send + Sync + 'static;
    /// A row of label ids on the device.
    type IdBuffer: Clone + Debug + Send + Sync + 'static;

    /// The device as named on the command line: `cpu`, `reference`, `cuda:0`.
    fn device(&self) -> String;
    /// How many threads of this machine's processor compute.
    fn threads(&self) -> usize {
        1
    }
    /// How precisely matrix products multiply, in PyTorch's words: `highest` is the full precision of the values.
    fn matmul_precision(&self) -> &'static str {
        "highest"
    }
    /// Moves values to the device.
    fn upload(&self, data: Vec<Self::Elem>) -> Result<Self::Buffer>;
    /// Whether tensors have values; without, only their sizes are known.
    fn holds_values(&self) -> bool {
        true
    }
    /// Copies values to host memory.
    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<Self::Elem>>;
    /// A buffer of `count` equal values.
    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer>;
    /// Moves ids to the device.
    fn upload_ids(&self, ids: Vec<u8>) -> Result<Self::IdBuffer>;
    /// A buffer of `count` equal ids.
    fn filled_ids(&self, id: u8, count: usize) -> Result<Self::IdBuffer> {
        self.upload_ids(vec![id; count])
    }
    /// Copies ids to host memory.
    fn download_ids(&self, ids: &Self::IdBuffer) -> Result<Vec<u8>>;
    /// The profiler to report every op to, if one is attached.
    fn profiler(&self) -> Option<&Profiler>;
    /// The same backend, reporting to `profiler`.
    fn with_profiler(&self, profiler: Profiler) -> Self;
    /// Waits until all queued work is done, so that a clock read afterwards counts it.
    fn synchronize(&self) -> Result<()> {
        Ok(())
    }

    /// The most bytes of the device's own memory that were taken at once since this was last asked; `None` where tensors
    /// live in the host's memory, or nobody counts.
    fn take_peak_memory(&self) -> Option<u64> {
        None
    }

    /// Bytes that tensors and kernels hold now; `None` where nobody counts.
    fn held_memory(&self) -> Option<u64> {
        None
    }

    /// Runs one kernel, reporting its cost and time where a profiler is attached.
    fn measure<T>(&self, op: &'static str, cost: Cost, kernel: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(profiler) = self.profiler().filter(|profiler| !profiler.is_paused()) else { return kernel() };
        let waited = || {
            let result = kernel();
            self.synchronize()?;
            result
        };
        profiler.record(op, cost, waited, || self.held_memory())
    }
}

//! Where values live: the element types, and what every backend does besides computing.

use std::fmt::Debug;

use num_traits::Float;

use crate::error::Result;
use crate::profile::{Cost, Profiler};

/// The type of a tensor's elements: `f32` or `f64`.
pub trait Element: Float + Debug + Default + Send + Sync + std::iter::Sum + std::ops::AddAssign + 'static {
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The same value in double precision.
    fn as_f64(self) -> f64;
}

macro_rules! element {
    ($($E:ty)+) => {
        $(impl Element for $E {
            fn from_f64(value: f64) -> Self {
                value as $E
            }
            fn as_f64(self) -> f64 {
                self.into()
            }
        })+
    };
}
element!(f32 f64);

/// Where values live, and how they get there and back. Cloning a backend or a buffer shares it.
pub trait Storage: Clone + Debug + Send + Sync + 'static {
    /// The type it computes in.
    type Elem: Element;
    /// Values on the device.
    type Buffer: Clone + Debug + Send + Sync + 'static;
    /// Label ids on the device.
    type IdBuffer: Clone + Debug + Send + Sync + 'static;

    /// The device as named on the command line: `cpu`, `reference`, `cuda:0`.
    fn device(&self) -> String;
    /// The number of CPU threads that compute.
    fn threads(&self) -> usize {
        1
    }
    /// The precision of matrix multiplications, in PyTorch's terms: `highest` is that of the elements.
    fn matmul_precision(&self) -> &'static str {
        "highest"
    }
    /// Moves values to the device.
    fn upload(&self, data: Vec<Self::Elem>) -> Result<Self::Buffer>;
    /// Whether tensors have values, or only shapes.
    fn holds_values(&self) -> bool {
        true
    }
    /// Copies values to the host.
    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<Self::Elem>>;
    /// A buffer of `count` equal values.
    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer>;
    /// Moves ids to the device.
    fn upload_ids(&self, ids: Vec<u8>) -> Result<Self::IdBuffer>;
    /// A buffer of `count` equal ids.
    fn filled_ids(&self, id: u8, count: usize) -> Result<Self::IdBuffer> {
        self.upload_ids(vec![id; count])
    }
    /// Copies ids to the host.
    fn download_ids(&self, ids: &Self::IdBuffer) -> Result<Vec<u8>>;
    /// The profiler that every op reports to, if one is attached.
    fn profiler(&self) -> Option<&Profiler>;
    /// The same backend, reporting to `profiler`.
    fn with_profiler(&self, profiler: Profiler) -> Self;
    /// Waits for all queued work, so that a clock read afterwards counts it.
    fn synchronize(&self) -> Result<()> {
        Ok(())
    }

    /// The peak of device memory in bytes since the last call; `None` if tensors live in host memory, or nothing counts.
    fn take_peak_memory(&self) -> Option<u64> {
        None
    }

    /// Bytes that tensors and kernels hold now; `None` if nothing counts.
    fn held_memory(&self) -> Option<u64> {
        None
    }

    /// Runs one kernel, and reports its cost and time if a profiler is attached.
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

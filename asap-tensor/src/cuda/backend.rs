//! [`Cuda`]: a GPU with its compiled kernels, its tables and a precision.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use cudarc::driver::CudaFunction;

use super::device::{self, Gpu, Limits};
use super::module::{Modules, Source};
use super::tables::{Table, Tables};
use crate::error::Result;
use crate::profile::Profiler;

/// How precisely matrix products and convolutions multiply; their sums, and everything else, are in single precision.
/// The names are PyTorch's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MatmulPrecision {
    /// Single precision, 24 bits.
    Highest,
    /// TensorFloat-32, 11 bits, on the tensor cores of cards from compute capability 8.0.
    #[default]
    High,
    /// bfloat16, 8 bits, on the tensor cores of cards from compute capability 8.0.
    Medium,
}

impl MatmulPrecision {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            MatmulPrecision::Highest => "highest",
            MatmulPrecision::High => "high",
            MatmulPrecision::Medium => "medium",
        }
    }
}

impl std::str::FromStr for MatmulPrecision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [MatmulPrecision::Highest, MatmulPrecision::High, MatmulPrecision::Medium]
            .into_iter()
            .find(|precision| precision.name() == name)
            .ok_or_else(|| "there is no such precision; there are highest, high and medium".into())
    }
}

/// Single precision on one NVIDIA GPU.
#[derive(Clone)]
pub struct Cuda {
    gpu: Arc<Gpu>,
    modules: Arc<Modules>,
    tables: Arc<Tables>,
    precision: MatmulPrecision,
    pub(super) profiler: Option<Profiler>,
}

impl Cuda {
    /// The GPU of that number, from 0.
    ///
    /// # Errors
    /// If a library, the driver or the GPU is missing, too old or does not answer; the error says what to install.
    pub fn new(ordinal: usize, precision: MatmulPrecision) -> Result<Self> {
        Ok(Cuda {
            gpu: Arc::new(Gpu::open(ordinal)?),
            modules: Arc::default(),
            tables: Arc::default(),
            precision,
            profiler: None,
        })
    }

    /// How many GPUs the driver finds.
    ///
    /// # Errors
    /// If a library or the driver is missing, too old or does not answer; the error says what to install.
    pub fn count() -> Result<usize> {
        device::start("cuda").map(|(count, _)| count)
    }

    /// How precisely products are computed: as asked for, but in single precision on cards without the tensor cores
    /// for it.
    pub fn precision(&self) -> MatmulPrecision {
        if self.limits().compute_capability >= (8, 0) { self.precision } else { MatmulPrecision::Highest }
    }

    /// The same GPU with another precision.
    pub fn with_precision(&self, precision: MatmulPrecision) -> Self {
        Cuda { precision, ..self.clone() }
    }

    /// What the GPU is and can do.
    pub fn limits(&self) -> &Limits {
        &self.gpu.limits
    }

    /// A kernel of a source, compiled at its first use.
    pub(super) fn function(&self, source: &Source, name: &'static str) -> Result<CudaFunction> {
        self.modules.function(&self.gpu, source, name)
    }

    /// The table of these entries, copied at its first use.
    pub(crate) fn table(&self, index: &[u32], weight: &[f32]) -> Result<Arc<Table>> {
        self.tables.get(&self.gpu, index, weight)
    }
}

/// A backend allocates and copies as its GPU does.
impl Deref for Cuda {
    type Target = Gpu;

    fn deref(&self) -> &Gpu {
        &self.gpu
    }
}

impl fmt::Debug for Cuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name(), self.limits().name, self.precision.name())
    }
}

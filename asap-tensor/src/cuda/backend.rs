//! [`Cuda`]: a GPU with its compiled kernels, its tables and a precision.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use cudarc::driver::CudaFunction;

use super::array::Array;
use super::device::{self, Gpu, Limits};
use super::module::{Modules, Source};
use super::tables::{Table, Tables};
use crate::error::Result;
use crate::profile::Profiler;
use crate::storage::Storage;

/// Kernels of [`Storage`].
pub(crate) const STORAGE: Source = Source::new("storage.cu", include_str!("storage.cu"), &[]);

/// Precision of the multiplications in matrix products and convolutions; their sums, and everything else, are in single
/// precision. The names are PyTorch's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MatmulPrecision {
    /// Single precision, 24 bits.
    Highest,
    /// TensorFloat-32, 11 bits, on the tensor cores of GPUs from compute capability 8.0.
    #[default]
    High,
    /// bfloat16, 8 bits, on the tensor cores of GPUs from compute capability 8.0.
    Medium,
}

impl MatmulPrecision {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        ["highest", "high", "medium"][self as usize]
    }
}

impl std::str::FromStr for MatmulPrecision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [MatmulPrecision::Highest, MatmulPrecision::High, MatmulPrecision::Medium]
            .into_iter()
            .find(|precision| precision.name() == name)
            .ok_or_else(|| "expected highest, high or medium".into())
    }
}

/// Single precision on one NVIDIA GPU.
#[derive(Clone)]
pub struct Cuda {
    gpu: Arc<Gpu>,
    modules: Arc<Modules>,
    tables: Arc<Tables>,
    precision: MatmulPrecision,
    profiler: Option<Profiler>,
}

impl Cuda {
    /// GPU number `ordinal`, from 0.
    ///
    /// # Errors
    /// A library, the driver or the GPU is missing, too old or not responding; the message says what to install.
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
    pub fn count() -> Result<usize> {
        device::start("cuda").map(|(count, _)| count)
    }

    /// The precision of products: as requested, but single precision on GPUs without tensor cores for it.
    pub fn precision(&self) -> MatmulPrecision {
        if self.limits().compute_capability >= (8, 0) { self.precision } else { MatmulPrecision::Highest }
    }

    /// Properties of the GPU.
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

impl Storage for Cuda {
    type Elem = f32;
    type Buffer = Arc<Array<f32>>;
    type IdBuffer = Arc<Array<u8>>;

    fn device(&self) -> String {
        self.name()
    }

    fn matmul_precision(&self) -> &'static str {
        self.precision().name()
    }

    fn upload(&self, data: Vec<f32>) -> Result<Self::Buffer> {
        self.upload_slice(&data).map(Arc::new)
    }

    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<f32>> {
        self.download_array(buffer)
    }

    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer> {
        let mut y = self.array(count)?;
        let value = value as f32;
        if value.to_bits() == 0 {
            self.clear(&mut y)?;
        } else {
            self.kernel(&STORAGE, "fill")?.output(&mut y).count(count).value(value).for_each(count)?;
        }
        Ok(Arc::new(y))
    }

    fn upload_ids(&self, ids: Vec<u8>) -> Result<Self::IdBuffer> {
        self.upload_slice(&ids).map(Arc::new)
    }

    fn filled_ids(&self, id: u8, count: usize) -> Result<Self::IdBuffer> {
        let mut ids = self.array(count)?;
        self.fill_bytes(&mut ids, id)?;
        Ok(Arc::new(ids))
    }

    fn download_ids(&self, ids: &Self::IdBuffer) -> Result<Vec<u8>> {
        self.download_array(ids)
    }

    fn profiler(&self) -> Option<&Profiler> {
        self.profiler.as_ref()
    }

    fn with_profiler(&self, profiler: Profiler) -> Self {
        Cuda { profiler: Some(profiler), ..self.clone() }
    }

    fn take_peak_memory(&self) -> Option<u64> {
        self.take_peak()
    }

    fn synchronize(&self) -> Result<()> {
        self.check("waiting for the GPU", self.stream.synchronize())
    }
}

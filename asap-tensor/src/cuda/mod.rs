//! The backend for NVIDIA GPUs, through cudarc: single precision, one stream, kernels compiled when they are first used.
//!
//! | file | what it does |
//! |---|---|
//! | [`libraries`] | finds the driver, NVRTC and cuBLAS, or says what is missing |
//! | `device` | opens a card; what it can do; its errors in words |
//! | `array` | numbers in device memory |
//! | `module` | kernels: compiled by NVRTC, kept on disk |
//! | `launch` | the one way to start a kernel |
//! | `blas` | matrix products by cuBLAS |
//! | `tables` | small tables that stay in the GPU's memory |
//! | `prelude.cuh` | what every kernel may use |
//! | `mma` | products on the tensor cores |
//! | `gemm.cuh` | products of matrices by tiles, for operands that are described rather than stored |
//!
//! The kernels themselves stand in their op's folder, `ops/<family>/*.cu`. Work is queued on one stream and runs in
//! that order; nothing waits for it but reading numbers back. Sums run in a fixed order, so that the same input gives
//! the same bits.

mod array;
mod blas;
mod device;
mod launch;
pub mod libraries;
mod mma;
mod module;
mod tables;
// Where the emulator runs.
#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
pub(crate) mod testing;

use std::fmt;
use std::sync::Arc;

pub use array::Array;
pub(crate) use blas::{Matrices, Product};
use device::Gpu;
pub use device::Limits;
pub(crate) use launch::{Launch, MOST_INSIDE, Parameters, blocks};
pub(crate) use mma::MMA;
pub use module::{Compiled, Source, Target, architectures, compile, sources};
pub(crate) use tables::Table;

use crate::backend::Storage;
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
    precision: MatmulPrecision,
    profiler: Option<Profiler>,
}

impl Cuda {
    /// The GPU of that number, from 0.
    ///
    /// # Errors
    /// If a library, the driver or the GPU is missing, too old or does not answer; the error says what to install.
    pub fn new(ordinal: usize, precision: MatmulPrecision) -> Result<Self> {
        Ok(Cuda { gpu: Arc::new(Gpu::open(ordinal)?), precision, profiler: None })
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
}

impl fmt::Debug for Cuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.device(), self.limits().name, self.precision.name())
    }
}

/// Products of matrices by tiles. One of `PRODUCTS` stands in front, and `MMA` but for the first of them.
pub(crate) const GEMM: (&str, &str) = ("gemm.cuh", include_str!("gemm.cuh"));
/// What `GEMM` multiplies in, in the order of `MatmulPrecision`.
pub(crate) const PRODUCTS: [(&str, &str); 3] =
    [("f32", "#define PRODUCTS_F32"), ("tf32", "#define PRODUCTS_TF32"), ("bf16", "#define PRODUCTS_BF16")];

const STORAGE: Source = Source::new("storage.cu", include_str!("storage.cu"), &[]);

impl Storage for Cuda {
    type Elem = f32;
    type Buffer = Arc<Array<f32>>;
    type IdBuffer = Arc<Array<u8>>;

    fn device(&self) -> String {
        self.gpu.device()
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
        self.gpu.take_peak()
    }

    fn synchronize(&self) -> Result<()> {
        self.gpu.check("waiting for the GPU", self.gpu.stream.synchronize())
    }
}

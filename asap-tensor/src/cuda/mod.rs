//! The backend for NVIDIA GPUs, through cudarc: single precision, one stream, kernels compiled when they are first used.
//!
//! | file | what it does |
//! |---|---|
//! | [`libraries`] | finds the driver, NVRTC and cuBLAS, or says what is missing |
//! | `backend` | `Cuda` itself: a GPU, its compiled kernels and tables, a precision |
//! | `device` | opens a card; what it can do; its errors in words |
//! | `array` | values in device memory |
//! | `module` | kernels: compiled by NVRTC, kept on disk |
//! | `launch` | the one way to start a kernel |
//! | `blas` | matrix products by cuBLAS |
//! | `tables` | small tables that stay in the GPU's memory |
//! | `prelude.cuh` | what every kernel may use |
//! | `mma` | products on the tensor cores |
//! | `gemm.cuh` | products of matrices by tiles, for operands that are described rather than stored |
//!
//! The kernels themselves stand in their op's folder, `ops/<family>/*.cu`. Work is queued on one stream and runs in
//! that order; nothing waits for it but reading values back. Sums run in a fixed order, so that the same input gives
//! the same bits.

mod array;
mod backend;
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

use std::sync::Arc;

pub use array::Array;
pub use backend::{Cuda, MatmulPrecision};
pub(crate) use blas::{Matrices, Product};
pub use device::{Gpu, Limits};
pub(crate) use launch::{Launch, MOST_INSIDE, Parameters, blocks};
pub(crate) use mma::{CHECK as MMA_CHECK, MMA};
pub use module::{Compiled, Source, Target, architectures, compile};
pub(crate) use tables::Table;

use crate::error::Result;
use crate::profile::Profiler;
use crate::storage::Storage;

/// Products of matrices by tiles. One of `PRODUCTS` stands in front, and `MMA` but for the first of them.
pub(crate) const GEMM: (&str, &str) = ("gemm.cuh", include_str!("gemm.cuh"));
/// What `GEMM` multiplies in, in the order of `MatmulPrecision`.
pub(crate) const PRODUCTS: [(&str, &str); 3] =
    [("f32", "#define PRODUCTS_F32"), ("tf32", "#define PRODUCTS_TF32"), ("bf16", "#define PRODUCTS_BF16")];

pub(crate) const STORAGE: Source = Source::new("storage.cu", include_str!("storage.cu"), &[]);

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
        let mut profiled = self.clone();
        profiled.profiler = Some(profiler);
        profiled
    }

    fn take_peak_memory(&self) -> Option<u64> {
        self.take_peak()
    }

    fn synchronize(&self) -> Result<()> {
        self.check("waiting for the GPU", self.stream.synchronize())
    }
}

//! The backend for NVIDIA GPUs, through cudarc: single precision, one stream, kernels compiled when they are first used.
//!
//! | file | what it does |
//! |---|---|
//! | [`libraries`] | finds the driver, NVRTC and cuBLAS, or reports what is missing |
//! | `backend` | `Cuda` itself: a GPU, its compiled kernels and tables, a precision |
//! | `device` | opens a GPU; its limits; messages for its errors |
//! | `array` | values in device memory |
//! | `module` | compiles kernels with NVRTC and caches them on disk |
//! | `launch` | the one way to launch a kernel |
//! | `blas` | matrix products by cuBLAS |
//! | `tables` | small tables that stay in device memory |
//! | `prelude.cuh` | helpers for all kernels |
//! | `mma` | products on the tensor cores |
//! | `gemm.cuh` | matrix products by tiles, of operands that are computed rather than stored |
//!
//! The kernels themselves are in the folder of their op, `ops/<family>/*.cu`. Work is queued on one stream and runs in
//! order; only reading values back waits for it. Sums run in a fixed order: the same input gives the same bits.

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

pub use array::Array;
pub(crate) use backend::STORAGE;
pub use backend::{Cuda, MatmulPrecision};
pub(crate) use blas::{Matrices, Product};
pub use device::{Gpu, Limits};
pub(crate) use launch::{Launch, MAX_COUNT, Parameters, blocks};
pub(crate) use mma::{CHECK as MMA_CHECK, MMA};
pub use module::{Compiled, Source, Target, architectures, compile};
pub(crate) use tables::Table;

/// Matrix products by tiles. It needs one of `PRODUCTS` before it, and for all but the first `MMA`.
pub(crate) const GEMM: (&str, &str) = ("gemm.cuh", include_str!("gemm.cuh"));
/// The precisions of `GEMM`, in the order of `MatmulPrecision`.
pub(crate) const PRODUCTS: [(&str, &str); 3] =
    [("f32", "#define PRODUCTS_F32"), ("tf32", "#define PRODUCTS_TF32"), ("bf16", "#define PRODUCTS_BF16")];

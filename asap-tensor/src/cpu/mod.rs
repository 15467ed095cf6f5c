//! The fast backend for ordinary processors: threads, packed matrix products, SIMD.

pub(crate) mod array;
mod backend;
pub(crate) mod gemm;
pub(crate) mod level;
pub(crate) mod math;
pub(crate) mod matrix;
pub(crate) mod panel;
pub(crate) mod parallel;
pub(crate) mod scratch;
pub(crate) mod simd;
#[cfg(target_arch = "x86_64")]
pub(crate) mod tiles;
pub(crate) mod transpose;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use array::Array;
pub use backend::Cpu;

//! libcublas's functions: matrix products in single precision.

mod entry;
mod gemm;

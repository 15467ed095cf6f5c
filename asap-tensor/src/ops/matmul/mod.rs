//! Matrix products of batches: Y = A·B, either operand transposed.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Result, require};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Which operands are stored transposed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transpose {
    /// A is stored as (K, M).
    pub a: bool,
    /// B is stored as (N, K).
    pub b: bool,
}

/// Sizes that matmul kernels get: `batch` products of (m, k) and (k, n).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatmulSize {
    /// How many products.
    pub batch: usize,
    /// Rows of A.
    pub m: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// Columns of B.
    pub n: usize,
    /// How A and B are stored.
    pub transpose: Transpose,
}

/// Kernels of this family.
pub trait MatmulOps: Storage {
    /// A·B for each of the batch.
    fn matmul(&self, a: &Self::Buffer, b: &Self::Buffer, size: &MatmulSize) -> Result<Self::Buffer>;
}

/// Y = A·B: (…, M, K)·(…, K, N) → (…, M, N), with equal leading sizes. With `transpose.a`, A is given as (…, K, M);
/// with `transpose.b`, B as (…, N, K).
pub fn matmul<B: MatmulOps>(a: &Tensor<B>, b: &Tensor<B>, transpose: Transpose) -> Result<Tensor<B>> {
    let rank = a.shape().rank();
    require(rank >= 2 && rank == b.shape().rank(), "matmul", a.shape(), b.shape(), || {
        "both need the same number of axes, two or more".into()
    })?;
    let (leading, [r, s]) = (&a.dims()[..rank - 2], [a.dims()[rank - 2], a.dims()[rank - 1]]);
    let (m, k) = if transpose.a { (s, r) } else { (r, s) };
    let [r, s] = [b.dims()[rank - 2], b.dims()[rank - 1]];
    let (inner, n) = if transpose.b { (s, r) } else { (r, s) };
    require(k == inner && leading == &b.dims()[..rank - 2], "matmul", a.shape(), b.shape(), || {
        format!("the inner sizes ({k} and {inner}) and all leading sizes must be equal")
    })?;
    let size = MatmulSize { batch: leading.iter().product(), m, k, n, transpose };
    let shape = a.shape().with(rank - 2, m).with(rank - 1, n);
    let backend = a.backend();
    let cost =
        Cost { macs: (size.batch * m * k * n) as u64, elements: (a.count() + b.count() + Shape::count(&shape)) as u64 };
    let y = backend.measure("matmul", cost, || backend.matmul(a.buffer(), b.buffer(), &size))?;
    Ok(Tensor::from_parts(backend, shape, y))
}

//! Matrix products of batches: Y = A·B, either operand transposed.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use crate::cpu::gemm;
use crate::error::{Error, Result, require};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Which operands are stored transposed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transpose {
    /// A is stored as (K, M).
    pub a: bool,
    /// B is stored as (N, K).
    pub b: bool,
}

/// Rows of a block of the result, which one thread of `Cpu` computes at a time: enough to repay packing, few enough to
/// share out.
const BLOCK_ROWS: usize = 126;

op! {
    /// A batch of products of (m, k) and (k, n); y is the shape of all, (…, m, n).
    Matmul { y: Shape, batch: usize, m: usize, k: usize, n: usize, transpose: Transpose }
    "matmul", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.y,
    cost: Cost {
        macs: (op.batch * op.m * op.k * op.n) as u64,
        elements: (op.batch * (op.m * op.k + op.k * op.n + op.m * op.n)) as u64,
    },
    plan: |_inputs, plan| {
        plan.scratch(gemm::scratch(op.m.min(BLOCK_ROWS)));
        Ok(plan.block(op.y.count()))
    }
}

/// Y = A·B: (…, M, K)·(…, K, N) → (…, M, N), with equal leading sizes. With `transpose.a`, A is given as (…, K, M);
/// with `transpose.b`, B as (…, N, K).
pub fn matmul<B: Kernel<Matmul>>(a: &Tensor<B>, b: &Tensor<B>, transpose: Transpose) -> Result<Tensor<B>> {
    let (&[ref leading @ .., r, s], &[ref b_leading @ .., t, u]) = (a.dims(), b.dims()) else {
        let why = "both need two axes or more".into();
        return Err(Error::Shapes { op: "matmul", left: a.shape().into(), right: b.shape().into(), why });
    };
    let (m, k) = if transpose.a { (s, r) } else { (r, s) };
    let (inner, n) = if transpose.b { (u, t) } else { (t, u) };
    require(k == inner && leading == b_leading, "matmul", a.shape(), b.shape(), || {
        format!("the inner sizes ({k} and {inner}) and all leading sizes must be equal")
    })?;
    let y = a.shape().with(leading.len(), m).with(leading.len() + 1, n);
    let batch = leading.iter().product();
    Matmul { y, batch, m, k, n, transpose }.run(a.backend(), [a.buffer(), b.buffer()])
}

//! Kernels of `Cuda`: cuBLAS's.

use std::sync::Arc;

use super::Matmul;
use crate::cuda::{Cuda, Matrices, Product};
use crate::error::Result;
use crate::op::Kernel;

impl Kernel<Matmul> for Cuda {
    fn compute(&self, op: &Matmul, [a, b]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let &Matmul { batch, m, k, n, transpose, .. } = op;
        let matrices = |rows: usize, columns: usize, transposed: bool| Matrices {
            offset: 0,
            stride: rows * columns,
            row: if transposed { rows } else { columns },
            transposed,
        };
        let mut y = self.array(batch * m * n)?;
        let (a_size, b_size) = (matrices(m, k, transpose.a), matrices(k, n, transpose.b));
        let product = Product { batch, m, k, n, a: a_size, b: b_size, y: matrices(m, n, false), accumulate: false };
        self.product(a, b, &mut y, &product)?;
        Ok(Arc::new(y))
    }
}

//! Kernels of `Cuda`: cuBLAS's.

use std::sync::Arc;

use super::{MatmulOps, MatmulSize};
use crate::cuda::{Cuda, Matrices, Product};
use crate::error::Result;

impl MatmulOps for Cuda {
    fn matmul(&self, a: &Self::Buffer, b: &Self::Buffer, size: &MatmulSize) -> Result<Self::Buffer> {
        let &MatmulSize { batch, m, k, n, transpose } = size;
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

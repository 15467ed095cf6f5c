//! Kernels of `Reference`.

use ndarray::{Array3, Axis};

use super::{MatmulOps, MatmulSize};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::{Reference, buffer, view};

impl<E: Element> MatmulOps for Reference<E> {
    fn matmul(&self, a: &Self::Buffer, b: &Self::Buffer, size: &MatmulSize) -> Result<Self::Buffer> {
        let &MatmulSize { batch, m, k, n, transpose } = size;
        let a = if transpose.a { view(a, (batch, k, m)).permuted_axes([0, 2, 1]) } else { view(a, (batch, m, k)) };
        let b = if transpose.b { view(b, (batch, n, k)).permuted_axes([0, 2, 1]) } else { view(b, (batch, k, n)) };
        let mut y = Array3::zeros((batch, m, n));
        for i in 0..batch {
            y.index_axis_mut(Axis(0), i).assign(&a.index_axis(Axis(0), i).dot(&b.index_axis(Axis(0), i)));
        }
        Ok(buffer(&y))
    }
}

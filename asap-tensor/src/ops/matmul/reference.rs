//! Kernels of `Reference`.

use ndarray::{Array3, Axis};

use super::Matmul;
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::{Reference, buffer, view};
use crate::storage::Element;

impl<E: Element> Kernel<Matmul> for Reference<E> {
    fn compute(&self, op: &Matmul, [a, b]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let &Matmul { batch, m, k, n, transpose, .. } = op;
        let a = if transpose.a { view(a, (batch, k, m)).permuted_axes([0, 2, 1]) } else { view(a, (batch, m, k)) };
        let b = if transpose.b { view(b, (batch, n, k)).permuted_axes([0, 2, 1]) } else { view(b, (batch, k, n)) };
        let mut y = Array3::zeros((batch, m, n));
        for i in 0..batch {
            y.index_axis_mut(Axis(0), i).assign(&a.index_axis(Axis(0), i).dot(&b.index_axis(Axis(0), i)));
        }
        Ok(buffer(&y))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::layout::permute;
    use crate::ops::matmul::{Transpose, matmul};
    use crate::{Reference, Tensor};

    #[test]
    fn transposed_operands_give_the_same_product() {
        let backend = Reference::<f64>::new();
        let tensor = |shape: [usize; 3], data: &[f64]| Tensor::from_f64(&backend, shape, data).unwrap();
        let a = tensor([2, 1, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let b = tensor([2, 3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        // (1 2 3)·((1 2) (3 4) (5 6)) and (4 5 6)·((1 0) (0 1) (1 1)).
        let product = [22.0, 28.0, 10.0, 11.0];
        for transpose in [(false, false), (false, true), (true, false), (true, true)].map(|(a, b)| Transpose { a, b }) {
            let stored = |x: &Tensor<_>, transposed: bool| {
                if transposed { permute(x, &[0, 2, 1]).unwrap() } else { x.clone() }
            };
            let y = matmul(&stored(&a, transpose.a), &stored(&b, transpose.b), transpose).unwrap();
            assert_eq!((y.dims(), y.to_vec().unwrap()), (&[2, 1, 2][..], product.to_vec()), "{transpose:?}");
        }
    }
}

//! Kernels of `Reference`.

use ndarray::{Array3, ArrayView3};

use super::{MaxPool2, MaxPool2Grad};
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::{Reference, buffer, view};
use crate::storage::Element;

/// The index of the first maximum of block (p, q), in row-major order.
fn argmax<E: Element>(images: ArrayView3<'_, E>, plane: usize, p: usize, q: usize) -> [usize; 3] {
    let mut largest = [plane, 2 * p, 2 * q];
    for (r, s) in [(0, 1), (1, 0), (1, 1)] {
        let candidate = [plane, 2 * p + r, 2 * q + s];
        if images[candidate] > images[largest] {
            largest = candidate;
        }
    }
    largest
}

impl<E: Element> Kernel<MaxPool2> for Reference<E> {
    fn compute(&self, op: &MaxPool2, x: &Self::Buffer) -> Result<Self::Buffer> {
        let [planes, height, width] = op.x.planes();
        let x = view(x, [planes, height, width]);
        Ok(buffer(&Array3::from_shape_fn([planes, height / 2, width / 2], |(plane, p, q)| x[argmax(x, plane, p, q)])))
    }
}

impl<E: Element> Kernel<MaxPool2Grad> for Reference<E> {
    fn compute(&self, op: &MaxPool2Grad, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let [planes, height, width] = op.x.planes();
        let x = view(x, [planes, height, width]);
        let mut grad = Array3::zeros([planes, height, width]);
        for ((plane, p, q), &g) in view(grad_output, [planes, height / 2, width / 2]).indexed_iter() {
            grad[argmax(x, plane, p, q)] = g;
        }
        Ok(buffer(&grad))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::pool::{max_pool2, max_pool2_grad};
    use crate::{Reference, Tensor};

    fn tensor(shape: &[usize], data: &[f64]) -> Tensor<Reference<f64>> {
        Tensor::from_f64(&Reference::new(), shape, data).unwrap()
    }

    #[test]
    fn an_odd_last_row_and_column_are_ignored() {
        let x = tensor(&[1, 1, 3, 3], &[1.0, 2.0, 9.0, 3.0, 4.0, 9.0, 9.0, 9.0, 9.0]);
        assert_eq!(max_pool2(&x).unwrap().to_vec().unwrap(), [4.0]);
        let grad = max_pool2_grad(&x, &tensor(&[1, 1, 1, 1], &[5.0])).unwrap();
        assert_eq!(grad.to_vec().unwrap(), [0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0]);
    }
}

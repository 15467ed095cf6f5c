//! Kernels of `Reference`.

use ndarray::{Array3, ArrayView3};

use super::PoolOps;
use crate::backend::Element;
use crate::error::Result;
use crate::reference::{Reference, buffer, view};

/// Where the first largest number of block (p, q) stands, in row-major order.
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

impl<E: Element> PoolOps for Reference<E> {
    fn max_pool2(&self, x: &Self::Buffer, planes: usize, height: usize, width: usize) -> Result<Self::Buffer> {
        let x = view(x, (planes, height, width));
        Ok(buffer(&Array3::from_shape_fn((planes, height / 2, width / 2), |(plane, p, q)| x[argmax(x, plane, p, q)])))
    }

    fn max_pool2_grad(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        planes: usize,
        height: usize,
        width: usize,
    ) -> Result<Self::Buffer> {
        let x = view(x, (planes, height, width));
        let mut grad = Array3::zeros((planes, height, width));
        for ((plane, p, q), &g) in view(grad_output, (planes, height / 2, width / 2)).indexed_iter() {
            grad[argmax(x, plane, p, q)] = g;
        }
        Ok(buffer(&grad))
    }
}

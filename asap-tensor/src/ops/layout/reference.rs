//! Kernels of `Reference`.

use ndarray::{Array3, Axis, IxDyn, concatenate, s};

use super::{LayoutOps, PadSize};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::{Reference, buffer, view};
use crate::shape::Shape;

impl<E: Element> LayoutOps for Reference<E> {
    fn permute(&self, x: &Self::Buffer, shape: Shape, axes: &[usize]) -> Result<Self::Buffer> {
        Ok(buffer(&view(x, shape.dims()).permuted_axes(IxDyn(axes))))
    }

    fn narrow(
        &self,
        x: &Self::Buffer,
        outer: usize,
        size: usize,
        inner: usize,
        start: usize,
        length: usize,
    ) -> Result<Self::Buffer> {
        Ok(buffer(&view(x, (outer, size, inner)).slice(s![.., start..start + length, ..])))
    }

    fn place(
        &self,
        x: &Self::Buffer,
        outer: usize,
        size: usize,
        inner: usize,
        start: usize,
        length: usize,
    ) -> Result<Self::Buffer> {
        let mut y = Array3::zeros((outer, size, inner));
        y.slice_mut(s![.., start..start + length, ..]).assign(&view(x, (outer, length, inner)));
        Ok(buffer(&y))
    }

    fn cat(&self, pieces: &[(&Self::Buffer, usize)], outer: usize, inner: usize) -> Result<Self::Buffer> {
        let pieces: Vec<_> = pieces.iter().map(|&(piece, size)| view(piece, (outer, size, inner))).collect();
        Ok(buffer(&concatenate(Axis(1), &pieces).expect("the pieces agree in the outer and inner size")))
    }

    fn pad2d(&self, x: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer> {
        let image = view(x, (size.planes, size.height, size.width));
        Ok(buffer(&Array3::from_shape_fn((size.planes, size.out_height(), size.out_width()), |(plane, y, x)| {
            match (size.source_row(y), size.source_column(x)) {
                (Some(y), Some(x)) => image[[plane, y, x]],
                _ => E::zero(),
            }
        })))
    }

    fn pad2d_grad(&self, grad_output: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer> {
        let grad_output = view(grad_output, (size.planes, size.out_height(), size.out_width()));
        let mut grad = Array3::zeros((size.planes, size.height, size.width));
        for ((plane, y, x), &g) in grad_output.indexed_iter() {
            if let (Some(y), Some(x)) = (size.source_row(y), size.source_column(x)) {
                grad[[plane, y, x]] += g;
            }
        }
        Ok(buffer(&grad))
    }

    fn pad_ids(&self, ids: &Self::IdBuffer, size: &PadSize) -> Result<Self::IdBuffer> {
        let ids = view(ids, (size.planes, size.height, size.width));
        Ok(buffer(&Array3::from_shape_fn((size.planes, size.out_height(), size.out_width()), |(n, y, x)| {
            match (size.source_row(y), size.source_column(x)) {
                (Some(y), Some(x)) => ids[[n, y, x]],
                _ => 0,
            }
        })))
    }

    fn one_hot(&self, ids: &Self::IdBuffer, batch: usize, classes: usize, plane: usize) -> Result<Self::Buffer> {
        let ids = view(ids, (batch, plane));
        Ok(buffer(&Array3::from_shape_fn((batch, classes, plane), |(n, c, i)| {
            if usize::from(ids[[n, i]]) == c { E::one() } else { E::zero() }
        })))
    }
}

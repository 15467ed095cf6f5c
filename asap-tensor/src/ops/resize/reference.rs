//! Kernels of `Reference`.

use ndarray::Array3;

use super::{ResizeOps, ResizeSize};
use crate::backend::Element;
use crate::error::Result;
use crate::ops::layout::LayoutOps;
use crate::reference::{Reference, buffer, view};

impl<E: Element> ResizeOps for Reference<E> {
    fn resize(&self, x: &Self::Buffer, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        let &ResizeSize { planes, rows, columns } = size;
        let image = view(x, (planes, rows.inputs(), columns.inputs()));
        // R·x
        let tall = Array3::from_shape_fn((planes, rows.outputs(), columns.inputs()), |(plane, y, x)| {
            rows.of(y).map(|(i, weight)| E::from_f64(weight) * image[[plane, i, x]]).sum::<E>()
        });
        // (R·x)·Cᵀ
        Ok(buffer(&Array3::from_shape_fn((planes, rows.outputs(), columns.outputs()), |(plane, y, x)| {
            columns.of(x).map(|(j, weight)| E::from_f64(weight) * tall[[plane, y, j]]).sum::<E>()
        })))
    }

    /// By definition: the one-hot form is made and resampled.
    fn resize_ids(&self, ids: &Self::IdBuffer, classes: usize, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        let x = self.one_hot(ids, size.planes, classes, size.rows.inputs() * size.columns.inputs())?;
        self.resize(&x, &ResizeSize { planes: size.planes * classes, ..*size })
    }
}

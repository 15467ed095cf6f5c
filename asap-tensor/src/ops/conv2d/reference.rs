//! Kernels of `Reference`: a convolution is a matrix product with the image's patches.

use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView3, Axis};

use super::{Conv2dOps, Conv2dSize};
use crate::backend::Element;
use crate::error::Result;
use crate::ops::layout::LayoutOps;
use crate::reference::{Reference, buffer, view};

/// Rows and columns of the matrix of patches: a patch has I·R·S numbers, and each of the P·Q outputs sees one.
fn patches_size(size: &Conv2dSize) -> (usize, usize) {
    (size.patch(), size.out_height * size.out_width)
}

/// The patches of one image, x (I, H, W), as columns: (I·R·S, P·Q).
fn unfold<E: Element>(image: ArrayView3<'_, E>, size: &Conv2dSize) -> Array2<E> {
    let (kernel_height, kernel_width) = (size.kernel_height, size.kernel_width);
    Array2::from_shape_fn(patches_size(size), |(row, column)| {
        let (i, r, s) = (row / (kernel_height * kernel_width), row / kernel_width % kernel_height, row % kernel_width);
        let (p, q) = (column / size.out_width, column % size.out_width);
        match (size.source_row(p, r), size.source_column(q, s)) {
            (Some(y), Some(x)) => image[[i, y, x]],
            _ => E::zero(),
        }
    })
}

/// The transpose of [`unfold`]: each pixel's sum over the patches that it is in.
fn fold<E: Element>(patches: ArrayView2<'_, E>, size: &Conv2dSize) -> Array3<E> {
    let (kernel_height, kernel_width) = (size.kernel_height, size.kernel_width);
    let mut image = Array3::zeros((size.in_channels, size.in_height, size.in_width));
    for ((row, column), &value) in patches.indexed_iter() {
        let (i, r, s) = (row / (kernel_height * kernel_width), row / kernel_width % kernel_height, row % kernel_width);
        let (p, q) = (column / size.out_width, column % size.out_width);
        if let (Some(y), Some(x)) = (size.source_row(p, r), size.source_column(q, s)) {
            image[[i, y, x]] += value;
        }
    }
    image
}

impl<E: Element> Conv2dOps for Reference<E> {
    fn conv2d(
        &self,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        let x = view(x, (size.batch, size.in_channels, size.in_height, size.in_width));
        let weight = view(weight, (size.out_channels, size.patch()));
        let mut y = Array3::zeros((size.batch, size.out_channels, size.out_height * size.out_width));
        for n in 0..size.batch {
            y.index_axis_mut(Axis(0), n).assign(&weight.dot(&unfold(x.index_axis(Axis(0), n), size)));
        }
        if let Some(bias) = bias {
            y += &view(bias, (1, size.out_channels, 1));
        }
        Ok(buffer(&y))
    }

    fn conv2d_grad_input(
        &self,
        grad_output: &Self::Buffer,
        weight: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        let grad_output = view(grad_output, (size.batch, size.out_channels, size.out_height * size.out_width));
        let weight = view(weight, (size.out_channels, size.patch()));
        let mut grad = Array4::zeros((size.batch, size.in_channels, size.in_height, size.in_width));
        for n in 0..size.batch {
            let patches = weight.t().dot(&grad_output.index_axis(Axis(0), n));
            grad.index_axis_mut(Axis(0), n).assign(&fold(patches.view(), size));
        }
        Ok(buffer(&grad))
    }

    fn conv2d_grad_weight(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        let x = view(x, (size.batch, size.in_channels, size.in_height, size.in_width));
        let grad_output = view(grad_output, (size.batch, size.out_channels, size.out_height * size.out_width));
        let mut grad = Array2::zeros((size.out_channels, size.patch()));
        for n in 0..size.batch {
            grad += &grad_output.index_axis(Axis(0), n).dot(&unfold(x.index_axis(Axis(0), n), size).t());
        }
        Ok(buffer(&grad))
    }

    /// By definition: the one-hot form is made and convolved.
    fn conv2d_ids(
        &self,
        ids: &Self::IdBuffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        let x = self.one_hot(ids, size.batch, size.in_channels, size.in_height * size.in_width)?;
        self.conv2d(&x, weight, bias, size)
    }

    /// By definition: the one-hot form is made and used as the input.
    fn conv2d_ids_grad_weight(
        &self,
        ids: &Self::IdBuffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        let x = self.one_hot(ids, size.batch, size.in_channels, size.in_height * size.in_width)?;
        self.conv2d_grad_weight(&x, grad_output, size)
    }
}

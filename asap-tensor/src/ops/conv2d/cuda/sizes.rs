//! A convolution's passes, and its sizes as kernel arguments.

use crate::cuda::{MAX_COUNT, Parameters};
use crate::error::{Error, Result};
use crate::ops::conv2d::Conv2dSize;
use crate::shape::Shape;

/// What is computed: y from x and the weight, the gradient in x from that of y and the weight, or the gradient in the
/// weight from x and the gradient of y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Forward,
    GradInput,
    GradWeight,
}

impl Pass {
    pub(super) fn name(self) -> &'static str {
        ["conv2d", "conv2d_grad_input", "conv2d_grad_weight"][self as usize]
    }

    /// The shape of the result.
    pub(super) fn result(self, size: &Conv2dSize) -> Shape {
        match self {
            Pass::Forward => size.output(),
            Pass::GradInput => size.input(),
            Pass::GradWeight => size.weight(),
        }
    }
}

/// `Size` of image.cuh.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    batch: i32,
    in_channels: i32,
    in_height: i32,
    in_width: i32,
    out_channels: i32,
    kernel_height: i32,
    kernel_width: i32,
    pub(super) stride: i32,
    padding: i32,
    out_height: i32,
    out_width: i32,
}

// SAFETY: eleven ints, as in image.cuh.
unsafe impl Parameters for Sizes {}

impl Sizes {
    pub(super) fn new(op: &'static str, size: &Conv2dSize) -> Result<Self> {
        let product =
            |sizes: &[usize]| sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size.max(1)));
        let padded = |side: usize| size.padding.checked_mul(2).and_then(|padding| padding.checked_add(side));
        let counts = [
            ("values of an image of x", product(&[size.in_channels, size.in_height, size.in_width])),
            ("values of an image of y", product(&[size.out_channels, size.out_height, size.out_width])),
            ("values of the weight", product(&[size.out_channels, size.patch()])),
            ("pixels of x", product(&[size.batch, size.in_height, size.in_width])),
            ("pixels of y", product(&[size.batch, size.out_height, size.out_width])),
            ("pixels of a padded column", padded(size.in_height)),
            ("pixels of a padded row", padded(size.in_width)),
        ];
        if let Some((what, count)) = counts.into_iter().find(|(_, count)| count.is_none_or(|count| count > MAX_COUNT)) {
            let count = count.map_or("more".into(), |count| count.to_string());
            let why =
                format!("the {what} may be at most {MAX_COUNT} on a GPU, not {count}; use smaller images or batches");
            return Err(Error::Argument { op, why });
        }
        // With one output the stride has no effect; with stride 1 the gradient in x has one phase.
        let stride = if size.out_height * size.out_width == 1 { 1 } else { size.stride };
        Ok(Sizes {
            batch: size.batch as i32,
            in_channels: size.in_channels as i32,
            in_height: size.in_height as i32,
            in_width: size.in_width as i32,
            out_channels: size.out_channels as i32,
            kernel_height: size.kernel_height as i32,
            kernel_width: size.kernel_width as i32,
            stride: stride as i32,
            padding: size.padding as i32,
            out_height: size.out_height as i32,
            out_width: size.out_width as i32,
        })
    }
}

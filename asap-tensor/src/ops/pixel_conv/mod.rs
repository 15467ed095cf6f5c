//! A convolution in which every pixel of every channel has its own 3×3 kernel, and its two gradients.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use std::ops::Range;

use crate::error::{Error, Result, require};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Values of a kernel, 3×3.
pub const TAPS: usize = 9;

/// The sizes of a convolution by pixels' own kernels: N·C independent planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelConvSize {
    /// (N, C, H, W).
    pub x: Shape,
    /// N·C.
    pub planes: usize,
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
}

impl PixelConvSize {
    /// (N, 9·C, H, W).
    fn kernels(&self) -> Shape {
        self.x.with(1, TAPS * self.x.dims()[1])
    }

    /// The pixel of x that tap `t` of pixel (p, q) reads, or `None` beyond the border.
    pub fn source(&self, t: usize, p: usize, q: usize) -> Option<[usize; 2]> {
        let row = (p + t / 3).checked_sub(1).filter(|&row| row < self.height)?;
        let column = (q + t % 3).checked_sub(1).filter(|&column| column < self.width)?;
        Some([row, column])
    }

    /// The taps of row `p` that read a row of x.
    #[inline(always)]
    fn taps(&self, p: usize) -> Range<usize> {
        let first = if p == 0 { 3 } else { 0 };
        let end = if p + 1 == self.height { TAPS - 3 } else { TAPS };
        first..end
    }

    /// Values of one plane.
    fn plane(&self) -> usize {
        self.height * self.width
    }

    fn cost(&self) -> Cost {
        let count = self.x.count() as u64;
        Cost { macs: TAPS as u64 * count, elements: (TAPS as u64 + 2) * count }
    }
}

op! {
    /// y from x and the kernels.
    PixelConv { size: PixelConvSize }
    "pixel_conv", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.size.x, cost: op.size.cost()
}
op! {
    /// The gradient in x from that in y and the kernels.
    PixelConvGradInput { size: PixelConvSize }
    "pixel_conv_grad_input", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.size.x, cost: op.size.cost()
}
op! {
    /// The gradient in the kernels from x and the gradient in y.
    PixelConvGradKernels { size: PixelConvSize }
    "pixel_conv_grad_kernels", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.size.kernels(), cost: op.size.cost()
}

/// The sizes for an image (N, C, H, W), x or a gradient in y, and kernels (N, 9·C, H, W).
fn size(op: &'static str, image: Shape, kernels: Shape) -> Result<PixelConvSize> {
    let (Some([n, c, height, width]), Some(_)) = (image.nchw(), kernels.nchw()) else {
        let why = "they must be (N, C, H, W) and (N, 9·C, H, W)".into();
        return Err(Error::Shapes { op, left: image.into(), right: kernels.into(), why });
    };
    let size = PixelConvSize { x: image, planes: n * c, height, width };
    require(kernels == size.kernels(), op, image, kernels, || {
        format!("the kernels must be {}, nine values for each element of the image", size.kernels())
    })?;
    Ok(size)
}

/// y[n, c, p, q] = Σ over t < 9 of kernels[n, 9·c + t, p, q] · x[n, c, p + ⌊t/3⌋ − 1, q + t mod 3 − 1], zeros around x:
/// (N, C, H, W) and (N, 9·C, H, W) → (N, C, H, W).
pub fn pixel_conv<B: Kernel<PixelConv>>(x: &Tensor<B>, kernels: &Tensor<B>) -> Result<Tensor<B>> {
    let size = size(PixelConv::NAME, x.shape(), kernels.shape())?;
    PixelConv { size }.run(x.backend(), [x.buffer(), kernels.buffer()])
}

/// The gradient of [`pixel_conv`] in x.
pub fn pixel_conv_grad_input<B: Kernel<PixelConvGradInput>>(
    grad_output: &Tensor<B>,
    kernels: &Tensor<B>,
) -> Result<Tensor<B>> {
    let size = size(PixelConvGradInput::NAME, grad_output.shape(), kernels.shape())?;
    PixelConvGradInput { size }.run(grad_output.backend(), [grad_output.buffer(), kernels.buffer()])
}

/// The gradient of [`pixel_conv`] in the kernels.
pub fn pixel_conv_grad_kernels<B: Kernel<PixelConvGradKernels>>(
    x: &Tensor<B>,
    grad_output: &Tensor<B>,
) -> Result<Tensor<B>> {
    let op = PixelConvGradKernels::NAME;
    let [n, c, height, width] = x.nchw(op)?;
    require(x.shape() == grad_output.shape(), op, x.shape(), grad_output.shape(), || "they must be equal".into())?;
    let size = PixelConvSize { x: x.shape(), planes: n * c, height, width };
    PixelConvGradKernels { size }.run(x.backend(), [x.buffer(), grad_output.buffer()])
}

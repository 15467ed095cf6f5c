//! A convolution by which every pixel of every channel has its own 3×3 kernel, and its two gradients.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use std::ops::Range;

use crate::error::{Error, Result, require};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Values of a kernel, 3×3.
pub const TAPS: usize = 9;

/// The sizes of a convolution by pixels' own kernels: N·C planes, which do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelConvSize {
    /// N·C.
    pub planes: usize,
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
}

impl PixelConvSize {
    /// The pixel of x that tap `t` of pixel (p, q) meets, or `None` beyond the border.
    pub fn met(&self, t: usize, p: usize, q: usize) -> Option<[usize; 2]> {
        let row = (p + t / 3).checked_sub(1).filter(|&row| row < self.height)?;
        let column = (q + t % 3).checked_sub(1).filter(|&column| column < self.width)?;
        Some([row, column])
    }

    /// The taps of a pixel of row `p` that meet a row of x.
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
        let count = (self.planes * self.plane()) as u64;
        Cost { macs: TAPS as u64 * count, elements: (TAPS as u64 + 2) * count }
    }
}

/// Kernels of this family.
pub trait PixelConvOps: Storage {
    /// The convolution.
    fn pixel_conv(&self, x: &Self::Buffer, kernels: &Self::Buffer, size: &PixelConvSize) -> Result<Self::Buffer>;
    /// Its gradient in x.
    fn pixel_conv_grad_input(
        &self,
        grad_output: &Self::Buffer,
        kernels: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer>;
    /// Its gradient in the kernels.
    fn pixel_conv_grad_kernels(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer>;
}

/// The sizes for an image (N, C, H, W), x or a gradient in y, and kernels (N, 9·C, H, W).
fn size(op: &'static str, image: Shape, kernels: Shape) -> Result<PixelConvSize> {
    let (Some([n, c, height, width]), Some(_)) = (image.nchw(), kernels.nchw()) else {
        let why = "they must be (N, C, H, W) and (N, 9·C, H, W)".into();
        return Err(Error::Shapes { op, left: image.into(), right: kernels.into(), why });
    };
    require(kernels.dims() == [n, TAPS * c, height, width], op, image, kernels, || {
        format!("the kernels must be ({n}, {}, {height}, {width}), nine numbers for each number of the image", TAPS * c)
    })?;
    Ok(PixelConvSize { planes: n * c, height, width })
}

/// y[n, c, p, q] = Σ over t < 9 of kernels[n, 9·c + t, p, q] · x[n, c, p + ⌊t/3⌋ − 1, q + t mod 3 − 1], zeros around x:
/// (N, C, H, W) and (N, 9·C, H, W) → (N, C, H, W).
pub fn pixel_conv<B: PixelConvOps>(x: &Tensor<B>, kernels: &Tensor<B>) -> Result<Tensor<B>> {
    let size = size("pixel_conv", x.shape(), kernels.shape())?;
    let backend = x.backend();
    let y = backend.measure("pixel_conv", size.cost(), || backend.pixel_conv(x.buffer(), kernels.buffer(), &size))?;
    Ok(Tensor::from_parts(backend, x.shape(), y))
}

/// The gradient of [`pixel_conv`] in x.
pub fn pixel_conv_grad_input<B: PixelConvOps>(grad_output: &Tensor<B>, kernels: &Tensor<B>) -> Result<Tensor<B>> {
    let op = "pixel_conv_grad_input";
    let size = size(op, grad_output.shape(), kernels.shape())?;
    let backend = grad_output.backend();
    let kernel = || backend.pixel_conv_grad_input(grad_output.buffer(), kernels.buffer(), &size);
    Ok(Tensor::from_parts(backend, grad_output.shape(), backend.measure(op, size.cost(), kernel)?))
}

/// The gradient of [`pixel_conv`] in the kernels.
pub fn pixel_conv_grad_kernels<B: PixelConvOps>(x: &Tensor<B>, grad_output: &Tensor<B>) -> Result<Tensor<B>> {
    let op = "pixel_conv_grad_kernels";
    let [n, c, height, width] = x.nchw(op)?;
    require(x.shape() == grad_output.shape(), op, x.shape(), grad_output.shape(), || "they must be equal".into())?;
    let size = PixelConvSize { planes: n * c, height, width };
    let backend = x.backend();
    let kernel = || backend.pixel_conv_grad_kernels(x.buffer(), grad_output.buffer(), &size);
    let shape = x.shape().with(1, TAPS * c);
    Ok(Tensor::from_parts(backend, shape, backend.measure(op, size.cost(), kernel)?))
}

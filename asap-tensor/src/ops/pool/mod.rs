//! Pooling: the maximum of each 2×2 block (VGG), the mean of 3×3 at stride 2 (between discriminator scales).
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use crate::error::{Result, require, require_argument};
use crate::op::{Kernel, Op};
use crate::ops::resize::{ResizeOps, Taps, resize, resize_grad};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// The maximum of each 2×2 block of x; an odd last row or column is left out.
#[derive(Debug)]
pub struct MaxPool2 {
    /// The shape of x, (N, C, H, W).
    pub x: Shape,
}

impl Op for MaxPool2 {
    const NAME: &'static str = "max_pool2";
    type Inputs<'a, B: Storage> = &'a B::Buffer;
    type Output = Shape;

    fn output(&self) -> Shape {
        let [_, height, width] = self.x.planes();
        self.x.with(2, height / 2).with(3, width / 2)
    }

    fn cost(&self) -> Cost {
        Cost::elements(self.x.count() + self.output().count())
    }
}

/// The gradient of [`MaxPool2`], from x and the gradient in y: each value goes to the first maximum of its block, in
/// row-major order; the rest is 0.
#[derive(Debug)]
pub struct MaxPool2Grad {
    /// The shape of x, (N, C, H, W).
    pub x: Shape,
}

impl Op for MaxPool2Grad {
    const NAME: &'static str = "max_pool2_grad";
    type Inputs<'a, B: Storage> = [&'a B::Buffer; 2];
    type Output = Shape;

    fn output(&self) -> Shape {
        self.x
    }

    fn cost(&self) -> Cost {
        let [planes, height, width] = self.x.planes();
        Cost::elements(2 * self.x.count() + planes * (height / 2) * (width / 2))
    }
}

/// The maximum of each 2×2 block: (N, C, H, W) → (N, C, ⌊H/2⌋, ⌊W/2⌋).
pub fn max_pool2<B: Kernel<MaxPool2>>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let [.., h, w] = x.nchw("max_pool2")?;
    require_argument(h >= 2 && w >= 2, "max_pool2", || format!("an image of {h}×{w} has no block of 2×2"))?;
    MaxPool2 { x: x.shape() }.run(x.backend(), x.buffer())
}

/// The gradient of [`max_pool2`].
pub fn max_pool2_grad<B: Kernel<MaxPool2Grad>>(x: &Tensor<B>, grad_output: &Tensor<B>) -> Result<Tensor<B>> {
    let [n, c, h, w] = x.nchw("max_pool2_grad")?;
    require(grad_output.dims() == [n, c, h / 2, w / 2], "max_pool2_grad", x.shape(), grad_output.shape(), || {
        "the gradient must have half the input's height and width".into()
    })?;
    MaxPool2Grad { x: x.shape() }.run(x.backend(), [x.buffer(), grad_output.buffer()])
}

/// The mean of each 3×3 at stride 2, padding 1 not counted: (N, C, H, W) → (N, C, ⌊(H + 1)/2⌋, ⌊(W + 1)/2⌋). The mean
/// is separable, so this is a [`resize`].
pub fn avg_pool<B: ResizeOps>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let [_, _, h, w] = x.nchw("avg_pool")?;
    resize(x, &Taps::average_pool(h), &Taps::average_pool(w))
}

/// The gradient of [`avg_pool`] for an input of `height`×`width`.
pub fn avg_pool_grad<B: ResizeOps>(grad_output: &Tensor<B>, height: usize, width: usize) -> Result<Tensor<B>> {
    resize_grad(grad_output, &Taps::average_pool(height), &Taps::average_pool(width))
}

//! Pooling: the maximum of each 2×2 block. Average pooling is a `resize` with `Taps::average_pool`.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use crate::error::{Result, require, require_argument};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::tensor::Tensor;

op! {
    /// The maximum of each 2×2 block of x, (N, C, H, W); an odd last row or column is left out.
    MaxPool2 { x: Shape }
    "max_pool2", for<'a, B> &'a B::Buffer => Shape: |op| halved(op.x),
    cost: Cost::elements(op.x.count() + halved(op.x).count())
}

op! {
    /// The gradient of [`MaxPool2`], from x and the gradient in y: each value goes to the first maximum of its block, in
    /// row-major order; the rest is 0.
    MaxPool2Grad { x: Shape }
    "max_pool2_grad", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.x,
    cost: Cost::elements(2 * op.x.count() + halved(op.x).count())
}

/// (N, C, ⌊H/2⌋, ⌊W/2⌋).
fn halved(x: Shape) -> Shape {
    let [_, height, width] = x.planes();
    x.with(2, height / 2).with(3, width / 2)
}

/// The maximum of each 2×2 block: (N, C, H, W) → (N, C, ⌊H/2⌋, ⌊W/2⌋).
pub fn max_pool2<B: Kernel<MaxPool2>>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let [.., h, w] = x.nchw("max_pool2")?;
    require_argument(h >= 2 && w >= 2, "max_pool2", || format!("an image of {h}×{w} has no block of 2×2"))?;
    MaxPool2 { x: x.shape() }.run(x.backend(), x.buffer())
}

/// The gradient of [`max_pool2`].
pub fn max_pool2_grad<B: Kernel<MaxPool2Grad>>(x: &Tensor<B>, grad_output: &Tensor<B>) -> Result<Tensor<B>> {
    x.nchw("max_pool2_grad")?;
    require(grad_output.shape() == halved(x.shape()), "max_pool2_grad", x.shape(), grad_output.shape(), || {
        "the gradient must have half the input's height and width".into()
    })?;
    MaxPool2Grad { x: x.shape() }.run(x.backend(), [x.buffer(), grad_output.buffer()])
}

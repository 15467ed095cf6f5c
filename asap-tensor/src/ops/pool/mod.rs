//! Pooling: the largest of each 2×2 block (VGG), the mean of 3×3 at stride 2 (between discriminator scales).
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Result, require, require_argument};
use crate::ops::resize::{ResizeOps, Taps, resize, resize_grad};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Kernels of this family: `planes` images of `height`×`width`.
pub trait PoolOps: Storage {
    /// The largest of each 2×2 block; an odd last row or column is left out.
    fn max_pool2(&self, x: &Self::Buffer, planes: usize, height: usize, width: usize) -> Result<Self::Buffer>;
    /// Its gradient: each goes to the first largest of its block, in row-major order; the rest is 0.
    fn max_pool2_grad(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        planes: usize,
        height: usize,
        width: usize,
    ) -> Result<Self::Buffer>;
}

/// The largest of each 2×2 block: (N, C, H, W) → (N, C, H/2, W/2), rounded down.
pub fn max_pool2<B: PoolOps>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let [n, c, h, w] = x.nchw("max_pool2")?;
    require_argument(h >= 2 && w >= 2, "max_pool2", || format!("an image of {h}×{w} has no block of 2×2"))?;
    let shape = Shape::from([n, c, h / 2, w / 2]);
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: (x.count() + shape.count()) as u64 };
    let y = backend.measure("max_pool2", cost, || backend.max_pool2(x.buffer(), n * c, h, w))?;
    Ok(Tensor::from_parts(backend, shape, y))
}

/// The gradient of [`max_pool2`].
pub fn max_pool2_grad<B: PoolOps>(x: &Tensor<B>, grad_output: &Tensor<B>) -> Result<Tensor<B>> {
    let [n, c, h, w] = x.nchw("max_pool2_grad")?;
    require(grad_output.dims() == [n, c, h / 2, w / 2], "max_pool2_grad", x.shape(), grad_output.shape(), || {
        "the gradient must have half the input's height and width".into()
    })?;
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: (2 * x.count() + grad_output.count()) as u64 };
    let grad = backend
        .measure("max_pool2_grad", cost, || backend.max_pool2_grad(x.buffer(), grad_output.buffer(), n * c, h, w))?;
    Ok(Tensor::from_parts(backend, x.shape(), grad))
}

/// The mean of each 3×3 at stride 2, padding 1 not counted: (N, C, H, W) → (N, C, (H + 1)/2, (W + 1)/2), rounded
/// down. The mean separates into rows and columns, so this is a [`resize`].
pub fn avg_pool<B: ResizeOps>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let [_, _, h, w] = x.nchw("avg_pool")?;
    resize(x, &Taps::average_pool(h), &Taps::average_pool(w))
}

/// The gradient of [`avg_pool`] for an input of `height`×`width`.
pub fn avg_pool_grad<B: ResizeOps>(grad_output: &Tensor<B>, height: usize, width: usize) -> Result<Tensor<B>> {
    resize_grad(grad_output, &Taps::average_pool(height), &Taps::average_pool(width))
}

//! Sums over everything, or over everything but the channels.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Error, Result};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Kernels of this family. A backend may sum in any order that doesn't depend on how many threads it has.
pub trait ReduceOps: Storage {
    /// Σ x, one number.
    fn sum(&self, x: &Self::Buffer) -> Result<Self::Buffer>;
    /// Σ over n and plane of (N, C, plane): `channels` values.
    fn sum_channels(&self, x: &Self::Buffer, batch: usize, channels: usize, plane: usize) -> Result<Self::Buffer>;
}

/// Σ x, of shape ().
pub fn sum<B: ReduceOps>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: x.count() as u64 };
    let y = backend.measure("sum", cost, || backend.sum(x.buffer()))?;
    Ok(Tensor::from_parts(backend, Shape::from([]), y))
}

/// Σ over all axes but the second: (N, C, …) → (C).
pub fn sum_channels<B: ReduceOps>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let &[batch, channels, ref rest @ ..] = x.dims() else {
        return Err(Error::Argument {
            op: "sum_channels",
            why: format!("shape {} has no channels: it must be (N, C, …)", x.shape()),
        });
    };
    let plane = rest.iter().product();
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: x.count() as u64 };
    let y = backend.measure("sum_channels", cost, || backend.sum_channels(x.buffer(), batch, channels, plane))?;
    Ok(Tensor::from_parts(backend, Shape::from([channels]), y))
}

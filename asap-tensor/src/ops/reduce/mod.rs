//! Sums over everything, or over everything but the channels.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use crate::error::{Result, require_argument};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::tensor::Tensor;

op! {
    /// Σ x. A backend may sum in any order that doesn't depend on its number of threads.
    Sum { x: Shape }
    "sum", for<'a, B> &'a B::Buffer => Shape: |op| Shape::from([]),
    cost: Cost::elements(op.x.count())
}

op! {
    /// Σ over all axes but the second of x, (N, C, …), in an order as for [`Sum`].
    SumChannels { x: Shape }
    "sum_channels", for<'a, B> &'a B::Buffer => Shape: |op| Shape::from([op.x.dims()[1]]),
    cost: Cost::elements(op.x.count())
}

/// Σ x, of shape ().
pub fn sum<B: Kernel<Sum>>(x: &Tensor<B>) -> Result<Tensor<B>> {
    Sum { x: x.shape() }.run(x.backend(), x.buffer())
}

/// Σ over all axes but the second: (N, C, …) → (C).
pub fn sum_channels<B: Kernel<SumChannels>>(x: &Tensor<B>) -> Result<Tensor<B>> {
    require_argument(x.shape().rank() >= 2, "sum_channels", || {
        format!("shape {} has no channels: it must be (N, C, …)", x.shape())
    })?;
    SumChannels { x: x.shape() }.run(x.backend(), x.buffer())
}

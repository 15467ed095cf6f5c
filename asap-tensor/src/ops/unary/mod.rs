//! Elementwise functions y = f(x), and their gradient g · f′(x).
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;
mod table;

pub use table::{Needs, Unary};

use crate::error::{Result, require};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::tensor::Tensor;

op! {
    /// f of each element of x.
    UnaryOp { f: Unary, x: Shape }
    "unary", for<'a, B> &'a B::Buffer => Shape: |op| op.x,
    cost: Cost::elements(2 * op.x.count())
}

op! {
    /// g·f′(x), from x, y = f(x) and g.
    UnaryGrad { f: Unary, x: Shape }
    "unary_grad", for<'a, B> [&'a B::Buffer; 3] => Shape: |op| op.x,
    cost: Cost::elements(4 * op.x.count())
}

/// y = f(x), of x's shape.
pub fn unary<B: Kernel<UnaryOp>>(f: Unary, x: &Tensor<B>) -> Result<Tensor<B>> {
    UnaryOp { f, x: x.shape() }.run(x.backend(), x.buffer())
}

/// The gradient of [`unary`]: g · f′(x), given also y = f(x).
pub fn unary_grad<B: Kernel<UnaryGrad>>(
    f: Unary,
    x: &Tensor<B>,
    y: &Tensor<B>,
    grad_output: &Tensor<B>,
) -> Result<Tensor<B>> {
    for other in [y, grad_output] {
        require(x.shape() == other.shape(), "unary_grad", x.shape(), other.shape(), || "they must be equal".into())?;
    }
    UnaryGrad { f, x: x.shape() }.run(x.backend(), [x, y, grad_output].map(Tensor::buffer))
}

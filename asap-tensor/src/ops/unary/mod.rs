//! Functions of one number, applied to each: y = f(x), and their gradient g · f′(x).
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Result, require};
use crate::profile::Cost;
use crate::storage::{Element, Storage};
use crate::tensor::Tensor;

/// The functions. Each is defined here once, for one number; backends only decide how to run over many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// |x|; the derivative at 0 is 0.
    Abs,
    /// √x.
    Sqrt,
    /// tanh x.
    Tanh,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// x where x > 0, else `slope`·x; the derivative at 0 is `slope`. Slope 0 is ReLU.
    LeakyRelu {
        /// What negative numbers are multiplied by.
        slope: f64,
    },
    /// `scale`·x + `shift`.
    Affine {
        /// The factor.
        scale: f64,
        /// What is added.
        shift: f64,
    },
}

impl Unary {
    /// max(0, x).
    pub const RELU: Unary = Unary::LeakyRelu { slope: 0.0 };

    /// f(x).
    #[inline(always)]
    pub fn apply<E: Element>(self, x: E) -> E {
        match self {
            Unary::Abs => x.abs(),
            Unary::Sqrt => x.sqrt(),
            Unary::Tanh => x.tanh(),
            Unary::Sigmoid => E::one() / (E::one() + (-x).exp()),
            Unary::LeakyRelu { slope } => {
                if x > E::zero() {
                    x
                } else {
                    x * E::from_f64(slope)
                }
            }
            Unary::Affine { scale, shift } => x * E::from_f64(scale) + E::from_f64(shift),
        }
    }

    /// f′(x), given x and y = f(x).
    #[inline(always)]
    pub fn derivative<E: Element>(self, x: E, y: E) -> E {
        match self {
            Unary::Abs => {
                if x == E::zero() {
                    E::zero()
                } else {
                    x.signum()
                }
            }
            Unary::Sqrt => E::from_f64(0.5) / y,
            Unary::Tanh => E::one() - y * y,
            Unary::Sigmoid => y * (E::one() - y),
            Unary::LeakyRelu { slope } => {
                if x > E::zero() {
                    E::one()
                } else {
                    E::from_f64(slope)
                }
            }
            Unary::Affine { scale, .. } => E::from_f64(scale),
        }
    }
}

/// Kernels of this family. Buffers have equal length.
pub trait UnaryOps: Storage {
    /// f of each number.
    fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer>;
    /// `grad_output`·f′(x), given also `y` = f(x).
    fn unary_grad(
        &self,
        op: Unary,
        x: &Self::Buffer,
        y: &Self::Buffer,
        grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer>;
}

/// y = f(x), of x's shape.
///
/// # Errors
/// If the device fails.
pub fn unary<B: UnaryOps>(op: Unary, x: &Tensor<B>) -> Result<Tensor<B>> {
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: 2 * x.count() as u64 };
    let y = backend.measure("unary", cost, || backend.unary(op, x.buffer()))?;
    Ok(Tensor::from_parts(backend, x.shape(), y))
}

/// The gradient of [`unary`]: g · f′(x), given also y = f(x).
///
/// # Errors
/// If the three shapes differ.
pub fn unary_grad<B: UnaryOps>(op: Unary, x: &Tensor<B>, y: &Tensor<B>, grad_output: &Tensor<B>) -> Result<Tensor<B>> {
    for other in [y, grad_output] {
        require(x.shape() == other.shape(), "unary_grad", x.shape(), other.shape(), || "they must be equal".into())?;
    }
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: 4 * x.count() as u64 };
    let grad =
        backend.measure("unary_grad", cost, || backend.unary_grad(op, x.buffer(), y.buffer(), grad_output.buffer()))?;
    Ok(Tensor::from_parts(backend, x.shape(), grad))
}

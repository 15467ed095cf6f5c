//! Elementwise functions y = f(x), and their gradient g · f′(x).
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;
mod table;

use crate::error::{Result, require};
use crate::profile::Cost;
use crate::storage::{Element, Storage};
use crate::tensor::Tensor;

/// What the gradient of a function needs of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// x.
    Input,
    /// y = f(x).
    Output,
    /// Neither: the derivative is constant.
    Nothing,
}

macro_rules! needs {
    (x) => {
        Needs::Input
    };
    (y) => {
        Needs::Output
    };
    (nothing) => {
        Needs::Nothing
    };
}

macro_rules! define {
    (|$x:ident, $y:ident| $(
        #[doc = $doc:literal]
        $name:ident $(($($field:ident: $about:literal),*))? {
            f: $f:expr,
            $(cpu: $cpu:expr,)?
            derivative of $of:ident: $derivative:expr,
            cuda: $f_cuda:literal, $derivative_cuda:literal,
        }
    )*) => {
        /// The functions. Backends only decide how to run over many elements.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Unary {
            $(
                #[doc = $doc]
                $name $({ $(#[doc = $about] $field: f64),* })?,
            )*
        }

        impl Unary {
            /// f(x).
            #[inline(always)]
            pub fn apply<E: Element>(self, $x: E) -> E {
                match self {
                    $(Unary::$name $({ $($field),* })? => $f,)*
                }
            }

            /// f′(x), given x and y = f(x).
            #[inline(always)]
            #[allow(unused_variables, reason = "a derivative needs some of x, y and the constants")]
            pub fn derivative<E: Element>(self, $x: E, $y: E) -> E {
                match self {
                    $(Unary::$name $({ $($field),* })? => $derivative,)*
                }
            }

            /// What the gradient needs: it may be given for both x and y.
            pub fn needs(self) -> Needs {
                match self {
                    // y has the sign of x.
                    Unary::LeakyRelu { slope } if slope >= 0.0 => Needs::Output,
                    $(Unary::$name { .. } => needs!($of),)*
                }
            }
        }
    };
}
table::functions!(define);

impl Unary {
    /// max(0, x).
    pub const RELU: Unary = Unary::LeakyRelu { slope: 0.0 };
}

/// Kernels of this family. Buffers have equal length.
pub trait UnaryOps: Storage {
    /// f of each element.
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
pub fn unary<B: UnaryOps>(op: Unary, x: &Tensor<B>) -> Result<Tensor<B>> {
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: 2 * x.count() as u64 };
    let y = backend.measure("unary", cost, || backend.unary(op, x.buffer()))?;
    Ok(Tensor::from_parts(backend, x.shape(), y))
}

/// The gradient of [`unary`]: g · f′(x), given also y = f(x).
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

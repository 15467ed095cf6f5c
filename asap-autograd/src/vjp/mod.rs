//! One rule per op, in the same families as `asap_tensor::ops`.
//!
//! Each function computes its op at once and leaves on the tape how the gradient `g` in its output becomes gradients
//! in its inputs (the vector-Jacobian product, Jᵀ·g). Formulas and shapes are in the index, `asap_tensor::backend`.
//!
//! ```
//! use asap_autograd::{Tape, Var, vjp};
//! use asap_tensor::{Reference, Tensor};
//!
//! let backend = Reference::<f64>::new();
//! let tape = Tape::new();
//! let x = tape.leaf(Tensor::full(&backend, [1, 3, 8, 8], 0.5)?);
//! let w = tape.leaf(Tensor::full(&backend, [4, 3, 3, 3], 0.1)?);
//! let b = tape.leaf(Tensor::zeros(&backend, [4])?);
//! let loss = vjp::mean(&vjp::relu(&vjp::conv2d(&x, &w, Some(&b), 1, 0)?)?)?;
//! let gradients = tape.backward(&loss)?;
//! assert_eq!(gradients.of(&w).map(|g| g.shape()), Some(w.shape()));
//! # Ok::<(), asap_tensor::Error>(())
//! ```

mod binary;
mod conv2d;
mod instance_norm;
mod layout;
mod matmul;
mod pixel_conv;
mod pixel_mlp;
mod pool;
mod reduce;
mod resize;
mod unary;

pub use binary::{add, div, mul, sub};
pub use conv2d::{conv2d, conv2d_ids, conv2d_stack, conv2d_transposed};
pub use instance_norm::{instance_norm, instance_norm_with_statistics};
pub use layout::{cat, narrow, pad2d, permute, reshape};
pub use matmul::matmul;
pub use pixel_conv::pixel_conv;
pub use pixel_mlp::{VarPixels, pixel_mlp};
pub use pool::{avg_pool, max_pool2};
pub use reduce::{mean, sum, sum_channels};
pub use resize::resize;
pub use unary::{abs, affine, leaky_relu, neg, relu, sigmoid, sqrt, tanh, unary};

use asap_tensor::{Backend, Result};

use crate::tape::Var;

/// Computes a gradient only if it is wanted.
fn when<T>(wanted: bool, grad: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    wanted.then(grad).transpose()
}

/// The inputs of an op with an optional last one.
fn with_optional<'a, B: Backend>(inputs: &[&'a Var<B>], last: Option<&'a Var<B>>) -> Vec<&'a Var<B>> {
    inputs.iter().copied().chain(last).collect()
}

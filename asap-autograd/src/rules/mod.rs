//! One gradient rule per op, in the same families as `asap_tensor::ops`.
//!
//! Every op is a method of [`Var`](crate::Var). It computes its value, saves what the backward pass needs, and records
//! how the gradient `g` of its output becomes the gradients of its inputs: the vector-Jacobian product, Jᵀ·g. Formulas
//! and shapes are those of the op of the same name in `asap_tensor::ops`.

mod binary;
mod conv2d;
mod cross_entropy;
mod instance_norm;
mod layout;
mod matmul;
mod pixel_conv;
pub mod pixel_mlp;
mod pool;
mod reduce;
mod resize;
mod unary;

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

use asap_tensor::ops::{Conv2d, Conv2dTransposed, Pad, PadMode, PixelMlp, Taps, Transpose, Unary};
use asap_tensor::{Backend, Ids, Result, Shape, Tensor};

pub use crate::rules::pixel_mlp::VarPixels;
use crate::tape::Var;

/// As [`Var::unary`].
pub fn unary<B: Backend>(op: Unary, x: &Var<B>) -> Result<Var<B>> {
    x.unary(op)
}

/// As [`Var::cat`].
pub fn cat<B: Backend>(pieces: &[&Var<B>], axis: usize) -> Result<Var<B>> {
    Var::cat(pieces, axis)
}

/// As [`Var::pixel_mlp`].
pub fn pixel_mlp<B: Backend>(
    mlp: &PixelMlp,
    params: &Var<B>,
    pixels: VarPixels<'_, B>,
    positions: &Tensor<B>,
) -> Result<Var<B>> {
    Var::pixel_mlp(mlp, params, pixels, positions)
}

/// As [`Var::add`].
pub fn add<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    a.add(b)
}

/// As [`Var::sub`].
pub fn sub<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    a.sub(b)
}

/// As [`Var::mul`].
pub fn mul<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    a.mul(b)
}

/// As [`Var::div`].
pub fn div<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    a.div(b)
}

/// As [`Var::instance_norm`].
pub fn instance_norm<B: Backend>(
    x: &Var<B>,
    affine: Option<(&Var<B>, &Var<B>)>,
    eps: f64,
    slope: f64,
) -> Result<Var<B>> {
    x.instance_norm(affine, eps, slope)
}

/// As [`Var::instance_norm_with_statistics`].
pub fn instance_norm_with_statistics<B: Backend>(
    x: &Var<B>,
    affine: Option<(&Var<B>, &Var<B>)>,
    eps: f64,
    slope: f64,
) -> Result<(Var<B>, [Tensor<B>; 2])> {
    x.instance_norm_with_statistics(affine, eps, slope)
}

/// As [`Var::reshape`].
pub fn reshape<B: Backend>(x: &Var<B>, shape: impl Into<Shape>) -> Result<Var<B>> {
    x.reshape(shape)
}

/// As [`Var::permute`].
pub fn permute<B: Backend>(x: &Var<B>, axes: &[usize]) -> Result<Var<B>> {
    x.permute(axes)
}

/// As [`Var::narrow`].
pub fn narrow<B: Backend>(x: &Var<B>, axis: usize, start: usize, length: usize) -> Result<Var<B>> {
    x.narrow(axis, start, length)
}

/// As [`Var::pad2d`].
pub fn pad2d<B: Backend>(x: &Var<B>, pad: Pad, mode: PadMode) -> Result<Var<B>> {
    x.pad2d(pad, mode)
}

/// As [`Var::matmul`].
pub fn matmul<B: Backend>(a: &Var<B>, b: &Var<B>, transpose: Transpose) -> Result<Var<B>> {
    a.matmul(b, transpose)
}

/// As [`Var::pixel_conv`].
pub fn pixel_conv<B: Backend>(x: &Var<B>, kernels: &Var<B>) -> Result<Var<B>> {
    x.pixel_conv(kernels)
}

/// As [`Var::max_pool2`].
pub fn max_pool2<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.max_pool2()
}

/// As [`Var::avg_pool`].
pub fn avg_pool<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.avg_pool()
}

/// As [`Var::sum`].
pub fn sum<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.sum()
}

/// As [`Var::mean`].
pub fn mean<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.mean()
}

/// As [`Var::sum_channels`].
pub fn sum_channels<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.sum_channels()
}

/// As [`Var::resize`].
pub fn resize<B: Backend>(x: &Var<B>, rows: &Taps, columns: &Taps) -> Result<Var<B>> {
    x.resize(rows, columns)
}

/// As [`Var::abs`].
pub fn abs<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.abs()
}

/// As [`Var::sqrt`].
pub fn sqrt<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.sqrt()
}

/// As [`Var::tanh`].
pub fn tanh<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.tanh()
}

/// As [`Var::sigmoid`].
pub fn sigmoid<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.sigmoid()
}

/// As [`Var::relu`].
pub fn relu<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.relu()
}

/// As [`Var::leaky_relu`].
pub fn leaky_relu<B: Backend>(x: &Var<B>, slope: f64) -> Result<Var<B>> {
    x.leaky_relu(slope)
}

/// As [`Var::affine`].
pub fn affine<B: Backend>(x: &Var<B>, scale: f64, shift: f64) -> Result<Var<B>> {
    x.affine(scale, shift)
}

/// As [`Var::neg`].
pub fn neg<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    x.neg()
}

/// As [`Var::conv2d`].
pub fn conv2d<B: Backend>(
    x: &Var<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
) -> Result<Var<B>> {
    x.conv2d(weight, bias, Conv2d { stride, padding })
}

/// As [`Var::conv2d_ids`].
pub fn conv2d_ids<B: Backend>(
    ids: &Ids<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
) -> Result<Var<B>> {
    Var::conv2d_ids(ids, weight, bias, Conv2d { stride, padding })
}

/// As [`Var::conv2d_stack`].
pub fn conv2d_stack<B: Backend>(
    ids: &Ids<B>,
    x: &Var<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
) -> Result<Var<B>> {
    Var::conv2d_stack(ids, x, weight, bias, Conv2d { stride, padding })
}

/// As [`Var::conv2d_transposed`].
pub fn conv2d_transposed<B: Backend>(
    x: &Var<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
    output_padding: usize,
) -> Result<Var<B>> {
    x.conv2d_transposed(weight, bias, Conv2dTransposed { stride, padding, output_padding })
}

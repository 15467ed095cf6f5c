//! Moving numbers without changing them: the gradient moves back.

use asap_tensor::ops::{self, Pad, PadMode};
use asap_tensor::{Backend, Result, Shape};

use super::when;
use crate::tape::Var;

/// The same numbers under another shape; nothing is copied.
///
/// # Errors
/// If the counts differ.
pub fn reshape<B: Backend>(x: &Var<B>, shape: impl Into<Shape>) -> Result<Var<B>> {
    let before = x.shape();
    Var::record(x.value().reshape(shape)?, &[x], move |g, wants| Ok(vec![when(wants[0], || g.reshape(before))?]))
}

/// The axes in another order: axis i of the result is axis `axes[i]` of x.
///
/// # Errors
/// As [`ops::permute`].
pub fn permute<B: Backend>(x: &Var<B>, axes: &[usize]) -> Result<Var<B>> {
    let y = ops::permute(x.value(), axes)?;
    let mut inverse = vec![0; axes.len()];
    for (to, &from) in axes.iter().enumerate() {
        inverse[from] = to;
    }
    Var::record(y, &[x], move |g, wants| Ok(vec![when(wants[0], || ops::permute(g, &inverse))?]))
}

/// The range `start..start + length` of one axis.
///
/// # Errors
/// As [`ops::narrow`].
pub fn narrow<B: Backend>(x: &Var<B>, axis: usize, start: usize, length: usize) -> Result<Var<B>> {
    let y = ops::narrow(x.value(), axis, start, length)?;
    let size = x.value().dims()[axis];
    Var::record(y, &[x], move |g, wants| Ok(vec![when(wants[0], || ops::place(g, axis, start, size))?]))
}

/// Variables joined along one axis.
///
/// # Errors
/// As [`ops::cat`].
pub fn cat<B: Backend>(pieces: &[&Var<B>], axis: usize) -> Result<Var<B>> {
    let values: Vec<_> = pieces.iter().map(|piece| piece.value()).collect();
    let y = ops::cat(&values, axis)?;
    let lengths: Vec<usize> = values.iter().map(|value| value.dims()[axis]).collect();
    Var::record(y, pieces, move |g, wants| {
        let mut start = 0;
        let mut grads = Vec::with_capacity(lengths.len());
        for (&length, &wanted) in lengths.iter().zip(wants) {
            grads.push(when(wanted, || ops::narrow(g, axis, start, length))?);
            start += length;
        }
        Ok(grads)
    })
}

/// Rows and columns added around images: (N, C, H, W) → (N, C, H + top + bottom, W + left + right).
///
/// # Errors
/// As [`ops::pad2d`].
pub fn pad2d<B: Backend>(x: &Var<B>, pad: Pad, mode: PadMode) -> Result<Var<B>> {
    let y = ops::pad2d(x.value(), pad, mode)?;
    Var::record(y, &[x], move |g, wants| Ok(vec![when(wants[0], || ops::pad2d_grad(g, pad, mode))?]))
}

//! Sums: g spread back over what was summed.

use asap_tensor::{Backend, Result, Shape, Tensor, ops};

use super::when;
use crate::tape::Var;

/// g, one number or one for each channel, over all of `shape`.
fn spread<B: Backend>(g: &Tensor<B>, shape: Shape) -> Result<Tensor<B>> {
    ops::add(&Tensor::zeros(g.backend(), shape)?, g)
}

/// Σ x, of shape ().
///
/// # Errors
/// As [`ops::sum`].
pub fn sum<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let shape = x.shape();
    Var::record(ops::sum(x.value())?, &[x], move |g, wants| Ok(vec![when(wants[0], || spread(g, shape))?]))
}

/// The mean of all numbers, of shape ().
///
/// # Errors
/// As [`ops::sum`].
pub fn mean<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    super::affine(&sum(x)?, 1.0 / x.value().count() as f64, 0.0)
}

/// Σ over all axes but the second: (N, C, …) → (C).
///
/// # Errors
/// As [`ops::sum_channels`].
pub fn sum_channels<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let shape = x.shape();
    Var::record(ops::sum_channels(x.value())?, &[x], move |g, wants| Ok(vec![when(wants[0], || spread(g, shape))?]))
}

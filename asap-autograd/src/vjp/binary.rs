//! Sums, differences, products and quotients, b spread over a: its gradient is summed over where it was spread.

use asap_tensor::ops::{self, Broadcast, Unary};
use asap_tensor::{Backend, Result, Shape, Tensor};

use super::when;
use crate::tape::Var;

const NEGATE: Unary = Unary::Affine { scale: -1.0, shift: 0.0 };

/// A gradient of a's shape, summed to b's.
fn sum_to<B: Backend>(grad: Tensor<B>, b: Shape) -> Result<Tensor<B>> {
    match Broadcast::between(grad.shape(), b) {
        Some(Broadcast::Scalar) => ops::sum(&grad),
        Some(Broadcast::Channel { .. }) => ops::sum_channels(&grad),
        Some(Broadcast::Same) | None => Ok(grad),
    }
}

/// a + b; b has a's shape, or none (), or that of a's channels (C).
///
/// # Errors
/// As [`ops::binary`](fn@ops::binary).
pub fn add<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    let y = ops::add(a.value(), b.value())?;
    let shape = b.shape();
    Var::record(y, &[a, b], move |g, wants| {
        Ok(vec![when(wants[0], || Ok(g.clone()))?, when(wants[1], || sum_to(g.clone(), shape))?])
    })
}

/// a − b; see [`add`].
///
/// # Errors
/// As [`ops::binary`](fn@ops::binary).
pub fn sub<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    let y = ops::sub(a.value(), b.value())?;
    let shape = b.shape();
    Var::record(y, &[a, b], move |g, wants| {
        Ok(vec![when(wants[0], || Ok(g.clone()))?, when(wants[1], || ops::unary(NEGATE, &sum_to(g.clone(), shape)?))?])
    })
}

/// a · b; see [`add`].
///
/// # Errors
/// As [`ops::binary`](fn@ops::binary).
pub fn mul<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    let y = ops::mul(a.value(), b.value())?;
    let shape = b.shape();
    // Each gradient needs the other factor only.
    let saved_a = b.is_recorded().then(|| a.value().clone());
    let saved_b = a.is_recorded().then(|| b.value().clone());
    Var::record(y, &[a, b], move |g, _| {
        Ok(vec![
            saved_b.as_ref().map(|b| ops::mul(g, b)).transpose()?,
            saved_a.as_ref().map(|a| sum_to(ops::mul(g, a)?, shape)).transpose()?,
        ])
    })
}

/// a / b; see [`add`].
///
/// # Errors
/// As [`ops::binary`](fn@ops::binary).
pub fn div<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    let y = ops::div(a.value(), b.value())?;
    let saved_a = b.is_recorded().then(|| a.value().clone());
    let saved_b = b.value().clone();
    Var::record(y, &[a, b], move |g, wants| {
        // −Σ g·a / b², summed first: b is the smaller.
        let grad_b = |a| {
            let sum = sum_to(ops::mul(g, a)?, saved_b.shape())?;
            ops::unary(NEGATE, &ops::div(&sum, &ops::mul(&saved_b, &saved_b)?)?)
        };
        Ok(vec![when(wants[0], || ops::div(g, &saved_b))?, saved_a.as_ref().map(grad_b).transpose()?])
    })
}

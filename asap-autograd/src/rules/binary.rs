//! a + b, a − b, a·b, a / b, elementwise. Where b was broadcast, its gradient is summed.

use asap_tensor::ops::{self, Broadcast, Unary};
use asap_tensor::{Backend, Result, Shape, Tensor};

use crate::tape::Var;

const NEGATE: Unary = Unary::Affine { scale: -1.0, shift: 0.0 };

/// Sums a gradient of a's shape to b's shape.
fn sum_to<B: Backend>(grad: Tensor<B>, b: Shape) -> Result<Tensor<B>> {
    match Broadcast::between(grad.shape(), b) {
        Some(Broadcast::Scalar) => ops::sum(&grad),
        Some(Broadcast::Channel { .. }) => ops::sum_channels(&grad),
        Some(Broadcast::Same) | None => Ok(grad),
    }
}

impl<B: Backend> Var<B> {
    /// a + b. The shape of b is that of a, () for a scalar, or (C) for one value per channel of a.
    pub fn add(&self, b: &Self) -> Result<Self> {
        let y = ops::add(self.value(), b.value())?;
        let shape = b.shape();
        Var::record(y, [self, b], move |g, [wants_a, wants_b]| {
            Ok([wants_a.then(|| g.clone()), wants_b.then(|| sum_to(g.clone(), shape)).transpose()?])
        })
    }

    /// a − b, broadcast as in [`add`](Self::add).
    pub fn sub(&self, b: &Self) -> Result<Self> {
        let y = ops::sub(self.value(), b.value())?;
        let shape = b.shape();
        Var::record(y, [self, b], move |g, [wants_a, wants_b]| {
            let grad_b = || ops::unary(NEGATE, &sum_to(g.clone(), shape)?);
            Ok([wants_a.then(|| g.clone()), wants_b.then(grad_b).transpose()?])
        })
    }

    /// a·b, broadcast as in [`add`](Self::add).
    pub fn mul(&self, b: &Self) -> Result<Self> {
        let y = ops::mul(self.value(), b.value())?;
        let shape = b.shape();
        // Each gradient needs the other factor only.
        let saved_a = b.is_recorded().then(|| self.value().clone());
        let saved_b = self.is_recorded().then(|| b.value().clone());
        Var::record(y, [self, b], move |g, _| {
            let grad_a = saved_b.map(|b| ops::mul(g, &b));
            let grad_b = saved_a.map(|a| sum_to(ops::mul(g, &a)?, shape));
            Ok([grad_a.transpose()?, grad_b.transpose()?])
        })
    }

    /// a / b, broadcast as in [`add`](Self::add).
    pub fn div(&self, b: &Self) -> Result<Self> {
        let y = ops::div(self.value(), b.value())?;
        let saved_a = b.is_recorded().then(|| self.value().clone());
        let b_value = b.value().clone();
        Var::record(y, [self, b], move |g, [wants_a, _]| {
            // −Σ g·a / b², summed first: b is the smaller.
            let grad_b = |a| {
                let sum = sum_to(ops::mul(g, &a)?, b_value.shape())?;
                ops::unary(NEGATE, &ops::div(&sum, &ops::mul(&b_value, &b_value)?)?)
            };
            Ok([wants_a.then(|| ops::div(g, &b_value)).transpose()?, saved_a.map(grad_b).transpose()?])
        })
    }
}

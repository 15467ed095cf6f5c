//! Sums: g is broadcast back over what was summed.

use asap_tensor::{Backend, Result, Shape, Tensor, ops};

use crate::tape::Var;

/// Broadcasts g, one value or one per channel, to `shape`.
fn expand<B: Backend>(g: &Tensor<B>, shape: Shape) -> Result<Tensor<B>> {
    ops::add(&Tensor::zeros(g.backend(), shape)?, g)
}

impl<B: Backend> Var<B> {
    /// The sum of all elements, of shape ().
    pub fn sum(&self) -> Result<Self> {
        let (y, shape) = (ops::sum(self.value())?, self.shape());
        Var::record(y, [self], move |g, _| Ok([Some(expand(g, shape)?)]))
    }

    /// The mean of all elements, of shape ().
    pub fn mean(&self) -> Result<Self> {
        self.sum()?.scale(1.0 / self.value().count() as f64)
    }

    /// Σ w·x / Σ w over all elements, of shape (): w ≥ 0 has the shape of x. 0 if all weights are.
    pub fn weighted_mean(&self, weights: &Tensor<B>) -> Result<Self> {
        // Added to the sum of weights: far below any that is not 0, so it changes only that one.
        const TINY: f64 = 1e-30;
        let total = Var::constant(ops::sum(weights)?).affine(1.0, TINY)?;
        self.mul(&Var::constant(weights.clone()))?.sum()?.div(&total)
    }

    /// The sum over all axes but the second: (N, C, …) → (C).
    pub fn sum_channels(&self) -> Result<Self> {
        let (y, shape) = (ops::sum_channels(self.value())?, self.shape());
        Var::record(y, [self], move |g, _| Ok([Some(expand(g, shape)?)]))
    }
}

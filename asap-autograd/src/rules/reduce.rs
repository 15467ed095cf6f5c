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

    /// The sum over all axes but the second: (N, C, …) → (C).
    pub fn sum_channels(&self) -> Result<Self> {
        let (y, shape) = (ops::sum_channels(self.value())?, self.shape());
        Var::record(y, [self], move |g, _| Ok([Some(expand(g, shape)?)]))
    }
}

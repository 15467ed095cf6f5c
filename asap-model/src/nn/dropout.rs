//! Dropout.

use asap_autograd::Var;
use asap_tensor::{Backend, Tensor};
use rand::RngExt;

use super::context::ForwardContext;
use crate::Result;

/// Probability that a value is zeroed (published code).
const P: f64 = 0.5;

/// In training, zeroes half of the values and doubles the others, which keeps their mean.
#[derive(Clone, Debug)]
pub struct Dropout {
    name: String,
}

impl Dropout {
    /// Dropout whose random stream is named `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Dropout { name: name.into() }
    }

    /// Any shape → the same shape.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: Var<B>) -> Result<Var<B>> {
        let Some(random) = ctx.training_random() else { return Ok(x) };
        let backend = x.value().backend();
        let factors = if backend.holds_values() {
            let mut rng = random.stream("dropout", &self.name);
            let kept = (1.0 / (1.0 - P)) as f32;
            let factors = (0..x.value().count()).map(|_| if rng.random_bool(P) { 0.0 } else { kept });
            Tensor::from_f32(backend, x.shape(), &factors.collect::<Vec<f32>>())?
        } else {
            Tensor::zeros(backend, x.shape())?
        };
        Ok(x.mul(&Var::constant(factors))?)
    }
}

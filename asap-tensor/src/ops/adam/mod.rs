//! Adam (Kingma & Ba 2015): the update of the weights, in place.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use std::sync::Arc;

use crate::error::{Result, require, require_argument};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::tensor::Tensor;

/// The constants of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// α.
    pub learning_rate: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε, outside the root.
    pub epsilon: f64,
    /// t, counted from 1.
    pub step: u64,
}

impl AdamStep {
    /// (α / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ)): with these, w ← w − a·m / (b·√v + ε).
    pub fn corrections(&self) -> (f64, f64) {
        let correction = |beta: f64| 1.0 - beta.powf(self.step as f64);
        (self.learning_rate / correction(self.beta1), 1.0 / correction(self.beta2).sqrt())
    }
}

op! {
    /// One step of Adam on `count` weights: updates them and both moments in place, or nothing if the guard is not
    /// finite.
    AdamOp { count: usize, step: AdamStep }
    "adam", for<'a, B> AdamInputs<'a, B::Buffer> => (): |op| (),
    cost: Cost::elements(7 * op.count),
    plan: |inputs, _plan| {
        // What something else still shares is copied.
        for buffer in [inputs.weight, inputs.first_moment, inputs.second_moment] {
            Arc::make_mut(buffer);
        }
        Ok(())
    }
}

/// What the kernels get.
#[derive(Debug)]
pub struct AdamInputs<'a, Buffer> {
    /// w.
    pub weight: &'a mut Buffer,
    /// m.
    pub first_moment: &'a mut Buffer,
    /// v.
    pub second_moment: &'a mut Buffer,
    /// The gradient in w.
    pub grad: &'a Buffer,
    /// One value.
    pub guard: Option<&'a Buffer>,
}

/// One step of Adam on a weight and its moments, in place. The one op that changes its arguments.
///
/// `guard` is a scalar, (): if it is infinite or NaN, nothing changes. So weights are safe from gradients that are not
/// finite without waiting for the device.
pub fn adam<B: Kernel<AdamOp>>(
    weight: &mut Tensor<B>,
    first_moment: &mut Tensor<B>,
    second_moment: &mut Tensor<B>,
    grad: &Tensor<B>,
    guard: Option<&Tensor<B>>,
    step: &AdamStep,
) -> Result<()> {
    for other in [&*first_moment, &*second_moment, grad] {
        require(weight.shape() == other.shape(), "adam", weight.shape(), other.shape(), || {
            "the weight, its moments and its gradient must have equal shapes".into()
        })?;
    }
    if let Some(guard) = guard {
        require_argument(guard.count() == 1, "adam", || format!("the guard must be a scalar, not {}", guard.shape()))?;
    }
    require_argument(step.step > 0, "adam", || "steps are counted from 1".into())?;
    let backend = weight.backend().clone();
    let [weight, first_moment, second_moment] = [weight, first_moment, second_moment].map(Tensor::buffer_mut);
    let (count, guard) = (grad.count(), guard.map(Tensor::buffer));
    let inputs = AdamInputs { weight, first_moment, second_moment, grad: grad.buffer(), guard };
    AdamOp { count, step: *step }.run(&backend, inputs)
}

//! Adam (Kingma & Ba 2015): the update of the weights, in place.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Result, require, require_argument};
use crate::profile::Cost;
use crate::storage::Storage;
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

/// Kernels of this family. Buffers have equal length.
pub trait AdamOps: Storage {
    /// Updates the weight and both moments in place; does nothing where `guard`, one number, is not finite.
    fn adam(
        &self,
        weight: &mut Self::Buffer,
        first_moment: &mut Self::Buffer,
        second_moment: &mut Self::Buffer,
        grad: &Self::Buffer,
        guard: Option<&Self::Buffer>,
        step: &AdamStep,
    ) -> Result<()>;
}

/// One step of Adam on a weight and its moments, in place. The one op that changes its arguments.
///
/// `guard` is one number, (), on which the step depends: where it is infinite or not a number, nothing changes. So weights
/// are safe from gradients that are not finite before anybody has waited for the device to tell.
pub fn adam<B: AdamOps>(
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
        require_argument(guard.count() == 1, "adam", || format!("a guard is one number, not {}", guard.shape()))?;
    }
    require_argument(step.step > 0, "adam", || "steps are counted from 1".into())?;
    let backend = weight.backend().clone();
    let cost = Cost { macs: 0, elements: 7 * weight.count() as u64 };
    backend.measure("adam", cost, || {
        let [weight, first_moment, second_moment] = [weight, first_moment, second_moment].map(Tensor::buffer_mut);
        backend.adam(weight, first_moment, second_moment, grad.buffer(), guard.map(Tensor::buffer), step)
    })
}

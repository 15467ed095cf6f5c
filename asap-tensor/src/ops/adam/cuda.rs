//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{AdamInputs, AdamOp};
use crate::cuda::{Array, Cuda, Source};
use crate::error::Result;
use crate::op::Kernel;

pub(crate) const SOURCE: Source = Source::new("adam.cu", include_str!("adam.cu"), &[]);

impl Cuda {
    /// An array to update in place. A shared one is copied first: its other owners must not see the update.
    fn own<'a>(&self, array: &'a mut Arc<Array<f32>>) -> Result<&'a mut Array<f32>> {
        if Arc::get_mut(array).is_none() {
            *array = Arc::new(self.copy(array)?);
        }
        Ok(Arc::get_mut(array).expect("nothing shares it now"))
    }
}

impl Kernel<AdamOp> for Cuda {
    fn compute(&self, op: &AdamOp, inputs: AdamInputs<'_, Self::Buffer>) -> Result<()> {
        let AdamInputs { weight, first_moment, second_moment, grad, guard } = inputs;
        let (a, b) = op.step.corrections();
        let count = grad.count();
        let launch = self
            .kernel(&SOURCE, "adam")?
            .output(self.own(weight)?)
            .output(self.own(first_moment)?)
            .output(self.own(second_moment)?)
            .input(grad)
            .optional(guard.map(|guard| &**guard))
            .count(count);
        [op.step.beta1, 1.0 - op.step.beta1, op.step.beta2, 1.0 - op.step.beta2, a, b, op.step.epsilon]
            .into_iter()
            .fold(launch, |launch, constant| launch.value(constant as f32))
            .for_each(count)
    }
}

//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{AdamOps, AdamStep};
use crate::cuda::{Array, Cuda, Source};
use crate::error::Result;

pub(crate) const SOURCE: Source = Source::new("adam.cu", include_str!("adam.cu"), &[]);

impl Cuda {
    /// An array to update in place. One that something else still shares is copied first, so that nobody sees the
    /// update unasked.
    fn own<'a>(&self, array: &'a mut Arc<Array<f32>>) -> Result<&'a mut Array<f32>> {
        if Arc::get_mut(array).is_none() {
            *array = Arc::new(self.copy(array)?);
        }
        Ok(Arc::get_mut(array).expect("nothing shares it now"))
    }
}

impl AdamOps for Cuda {
    fn adam(
        &self,
        weight: &mut Self::Buffer,
        first_moment: &mut Self::Buffer,
        second_moment: &mut Self::Buffer,
        grad: &Self::Buffer,
        guard: Option<&Self::Buffer>,
        step: &AdamStep,
    ) -> Result<()> {
        let (a, b) = step.corrections();
        let count = grad.count();
        let launch = self
            .kernel(&SOURCE, "adam")?
            .output(self.own(weight)?)
            .output(self.own(first_moment)?)
            .output(self.own(second_moment)?)
            .input(grad)
            .optional(guard.map(|guard| &**guard))
            .count(count);
        [step.beta1, 1.0 - step.beta1, step.beta2, 1.0 - step.beta2, a, b, step.epsilon]
            .into_iter()
            .fold(launch, |launch, constant| launch.value(constant as f32))
            .for_each(count)
    }
}

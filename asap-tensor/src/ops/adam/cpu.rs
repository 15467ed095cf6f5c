//! Kernels of `Cpu`.

use std::sync::Arc;

use rayon::prelude::*;

use super::{AdamOps, AdamStep};
use crate::cpu::Cpu;
use crate::error::Result;

/// Values that are updated by one thread.
const STRETCH: usize = 1 << 13;

impl AdamOps for Cpu {
    fn adam(
        &self,
        weight: &mut Self::Buffer,
        first_moment: &mut Self::Buffer,
        second_moment: &mut Self::Buffer,
        grad: &Self::Buffer,
        guard: Option<&Self::Buffer>,
        step: &AdamStep,
    ) -> Result<()> {
        if guard.is_some_and(|guard| !guard[0].is_finite()) {
            return Ok(());
        }
        let (weight, first_moment) = (Arc::make_mut(weight), Arc::make_mut(first_moment));
        let second_moment = Arc::make_mut(second_moment);
        let (rate, correction) = step.corrections();
        let (rate, correction, epsilon) = (rate as f32, correction as f32, step.epsilon as f32);
        let (keep1, take1) = (step.beta1 as f32, (1.0 - step.beta1) as f32);
        let (keep2, take2) = (step.beta2 as f32, (1.0 - step.beta2) as f32);
        let update = |((weight, first), second): ((&mut [f32], &mut [f32]), &mut [f32]), grad: &[f32]| {
            for (((w, m), v), &g) in weight.iter_mut().zip(first).zip(second).zip(grad) {
                *m = keep1 * *m + take1 * g;
                *v = keep2 * *v + take2 * g * g;
                *w -= rate * *m / (correction * v.sqrt() + epsilon);
            }
        };
        if grad.len() <= STRETCH || self.threads() == 1 {
            update(((weight, first_moment), second_moment), grad);
        } else {
            self.run(|| {
                weight
                    .par_chunks_mut(STRETCH)
                    .zip(first_moment.par_chunks_mut(STRETCH))
                    .zip(second_moment.par_chunks_mut(STRETCH))
                    .zip(grad.par_chunks(STRETCH))
                    .for_each(|(state, grad)| update(state, grad));
            });
        }
        Ok(())
    }
}

//! Kernels of `Cpu`.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Adam, AdamInputs};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::op::Kernel;

/// Elements that one thread updates.
const CHUNK: usize = 1 << 13;

impl Kernel<Adam> for Cpu {
    fn compute(&self, op: &Adam, inputs: AdamInputs<'_, Self::Buffer>) -> Result<()> {
        let AdamInputs { weight, first_moment, second_moment, grad, guard } = inputs;
        if guard.is_some_and(|guard| !guard[0].is_finite()) {
            return Ok(());
        }
        let (weight, first_moment) = (Arc::make_mut(weight), Arc::make_mut(first_moment));
        let second_moment = Arc::make_mut(second_moment);
        let (rate, correction) = op.step.corrections();
        let (rate, correction, epsilon) = (rate as f32, correction as f32, op.step.epsilon as f32);
        let (keep1, take1) = (op.step.beta1 as f32, (1.0 - op.step.beta1) as f32);
        let (keep2, take2) = (op.step.beta2 as f32, (1.0 - op.step.beta2) as f32);
        let update = |((weight, first), second): ((&mut [f32], &mut [f32]), &mut [f32]), grad: &[f32]| {
            for (((w, m), v), &g) in weight.iter_mut().zip(first).zip(second).zip(grad) {
                *m = keep1 * *m + take1 * g;
                *v = keep2 * *v + take2 * g * g;
                *w -= rate * *m / (correction * v.sqrt() + epsilon);
            }
        };
        if grad.len() <= CHUNK || self.threads() == 1 {
            update(((weight, first_moment), second_moment), grad);
        } else {
            self.run(|| {
                weight
                    .par_chunks_mut(CHUNK)
                    .zip(first_moment.par_chunks_mut(CHUNK))
                    .zip(second_moment.par_chunks_mut(CHUNK))
                    .zip(grad.par_chunks(CHUNK))
                    .for_each(|(state, grad)| update(state, grad));
            });
        }
        Ok(())
    }
}

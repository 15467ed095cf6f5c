//! Kernels of `Cpu`.

use std::sync::Arc;

use rayon::prelude::*;

use super::{AdamInputs, AdamOp};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::op::Kernel;

/// Elements that one thread updates.
const CHUNK: usize = 1 << 13;

impl Kernel<AdamOp> for Cpu {
    fn compute(&self, op: &AdamOp, inputs: AdamInputs<'_, Self::Buffer>) -> Result<()> {
        let AdamInputs { weight, first_moment, second_moment, grad, guard } = inputs;
        if guard.is_some_and(|guard| !guard[0].is_finite()) {
            return Ok(());
        }
        let (weight, first_moment) = (Arc::make_mut(weight), Arc::make_mut(first_moment));
        let second_moment = Arc::make_mut(second_moment);
        let (a, b) = op.step.corrections();
        let (a, b, epsilon) = (a as f32, b as f32, op.step.epsilon as f32);
        let (beta1, rest1) = (op.step.beta1 as f32, (1.0 - op.step.beta1) as f32);
        let (beta2, rest2) = (op.step.beta2 as f32, (1.0 - op.step.beta2) as f32);
        let update = |((weight, first), second): ((&mut [f32], &mut [f32]), &mut [f32]), grad: &[f32]| {
            for (((w, m), v), &g) in weight.iter_mut().zip(first).zip(second).zip(grad) {
                *m = beta1 * *m + rest1 * g;
                *v = beta2 * *v + rest2 * g * g;
                *w -= a * *m / (b * v.sqrt() + epsilon);
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

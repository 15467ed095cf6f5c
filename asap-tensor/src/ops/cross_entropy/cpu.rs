//! Kernels of `Cpu`: a row of pixels at a time in the forward pass, so that its maxima and sums stay in the cache.

use std::sync::Arc;

use super::{CrossEntropy, CrossEntropyGrad, CrossEntropyGradInputs};
use crate::cpu::{Cpu, math};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};

/// About how many additions a logit costs.
const COST: usize = 16;

impl Kernel<CrossEntropy> for Cpu {
    fn compute(
        &self,
        op: &CrossEntropy,
        (logits, ids): Inputs<'_, CrossEntropy, Self>,
    ) -> Result<Buffers<CrossEntropy, Self>> {
        let [images, _, width] = op.logits.planes();
        let [batch, classes, plane] = op.logits.around(1);
        debug_assert_eq!(images, batch * classes, "planes are images' channels");
        let mut losses = self.array(batch * plane);
        let mut log_sums = self.array(batch * plane);
        let mut rows: Vec<&mut [f32]> = log_sums.chunks_mut(width.max(1)).collect();
        self.pieces_and(&mut losses, width, COST * classes, &mut rows, |which, losses, log_sums| {
            let first = which * width;
            let row = |c: usize| &logits[(first / plane * classes + c) * plane + first % plane..][..width];
            // The maxima until the sums are complete.
            log_sums.fill(f32::NEG_INFINITY);
            for c in 0..classes {
                for (largest, &x) in log_sums.iter_mut().zip(row(c)) {
                    *largest = if x > *largest { x } else { *largest };
                }
            }
            losses.fill(0.0);
            for c in 0..classes {
                for ((sum, &largest), &x) in losses.iter_mut().zip(&**log_sums).zip(row(c)) {
                    *sum += math::exp_negative(x - largest);
                }
            }
            for (i, (loss, log_sum)) in losses.iter_mut().zip(&mut **log_sums).enumerate() {
                let (log, largest, id) = (loss.ln(), *log_sum, usize::from(ids[first + i]));
                *loss = if id < classes { (largest - row(id)[i]) + log } else { 0.0 };
                *log_sum = largest + log;
            }
        });
        drop(rows);
        Ok((Arc::new(losses), Arc::new(log_sums)))
    }
}

impl Kernel<CrossEntropyGrad> for Cpu {
    fn compute(
        &self,
        op: &CrossEntropyGrad,
        CrossEntropyGradInputs { logits, log_sums, ids, grad_output }: Inputs<'_, CrossEntropyGrad, Self>,
    ) -> Result<Self::Buffer> {
        let [batch, classes, plane] = op.logits.around(1);
        Ok(self.build(batch * classes * plane, plane, COST, |which, grad: &mut [f32]| {
            let (start, class) = (which / classes * plane, which % classes);
            let x = &logits[which * plane..][..plane];
            let pixels = log_sums[start..].iter().zip(&ids[start..]).zip(&grad_output[start..]);
            for ((grad, &x), ((&log_sum, &id), &g)) in grad.iter_mut().zip(x).zip(pixels) {
                let id = usize::from(id);
                let hit = f32::from(u8::from(id == class));
                let y = g * (math::exp_negative(x - log_sum) - hit);
                *grad = if id < classes { y } else { 0.0 };
            }
        }))
    }
}

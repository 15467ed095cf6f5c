//! Kernels of `Cpu`.

use super::{MaxPool2, MaxPool2Grad};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::op::Kernel;

/// About how many additions an element costs.
const COST: usize = 4;

impl Kernel<MaxPool2> for Cpu {
    fn compute(&self, op: &MaxPool2, x: &Self::Buffer) -> Result<Self::Buffer> {
        let [planes, height, width] = op.x.planes();
        let (out_height, out_width) = (height / 2, width / 2);
        Ok(self.build(planes * out_height * out_width, out_width, COST, |row, y: &mut [f32]| {
            let (plane, p) = (row / out_height, row % out_height);
            let (upper, lower) = x[(plane * height + 2 * p) * width..][..2 * width].split_at(width);
            for ((y, u), l) in y.iter_mut().zip(upper.chunks_exact(2)).zip(lower.chunks_exact(2)) {
                *y = larger(larger(u[0], u[1]), larger(l[0], l[1]));
            }
        }))
    }
}

impl Kernel<MaxPool2Grad> for Cpu {
    fn compute(&self, op: &MaxPool2Grad, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let [planes, height, width] = op.x.planes();
        let (out_height, out_width) = (height / 2, width / 2);
        Ok(self.build(planes * height * width, height * width, COST, |plane, grad: &mut [f32]| {
            let x = &x[plane * height * width..][..height * width];
            grad.fill(0.0);
            for p in 0..out_height {
                let (upper, lower) = x[2 * p * width..][..2 * width].split_at(width);
                let (grad_upper, grad_lower) = grad[2 * p * width..][..2 * width].split_at_mut(width);
                let g = &grad_output[(plane * out_height + p) * out_width..][..out_width];
                for (q, &g) in g.iter().enumerate() {
                    let block = [upper[2 * q], upper[2 * q + 1], lower[2 * q], lower[2 * q + 1]];
                    let first = (1..4).fold(0, |best, k| if block[k] > block[best] { k } else { best });
                    let row = if first < 2 { &mut *grad_upper } else { &mut *grad_lower };
                    row[2 * q + first % 2] = g;
                }
            }
        }))
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

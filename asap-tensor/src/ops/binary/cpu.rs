//! Kernels of `Cpu`. Each function has loops of its own: none branches inside them.

use std::sync::Arc;

use super::{Binary, BinaryOp, Broadcast};
use crate::cpu::{Array, Cpu};
use crate::error::Result;
use crate::op::Kernel;

impl Kernel<BinaryOp> for Cpu {
    fn compute(&self, op: &BinaryOp, [a, b]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        Ok(match op.f {
            Binary::Add => broadcast(self, a, b, op.b, |a, b| a + b),
            Binary::Sub => broadcast(self, a, b, op.b, |a, b| a - b),
            Binary::Mul => broadcast(self, a, b, op.b, |a, b| a * b),
            Binary::Div => broadcast(self, a, b, op.b, |a, b| a / b),
        })
    }
}

fn broadcast(
    cpu: &Cpu,
    a: &[f32],
    b: &[f32],
    how: Broadcast,
    f: impl Fn(f32, f32) -> f32 + Copy + Sync + Send + 'static,
) -> Arc<Array> {
    match how {
        Broadcast::Same => cpu.map2(a, b, f),
        Broadcast::Scalar => {
            let b = b[0];
            cpu.map(a, move |a| f(a, b))
        }
        Broadcast::Channel { channels, plane } => {
            let sample = channels * plane;
            cpu.build(a.len(), sample, 1, |n, y: &mut [f32]| {
                let a = &a[n * sample..][..sample];
                for ((y, a), &b) in y.chunks_mut(plane).zip(a.chunks(plane)).zip(b) {
                    for (y, &a) in y.iter_mut().zip(a) {
                        *y = f(a, b);
                    }
                }
            })
        }
    }
}

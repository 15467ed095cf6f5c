//! Kernels of `Cpu`. Each function gets loops of its own, so that none decides inside them.

use super::{Binary, BinaryOps, Broadcast};
use crate::cpu::Cpu;
use crate::error::Result;

impl BinaryOps for Cpu {
    fn binary(&self, op: Binary, a: &Self::Buffer, b: &Self::Buffer, broadcast: Broadcast) -> Result<Self::Buffer> {
        Ok(match op {
            Binary::Add => spread(self, a, b, broadcast, |a, b| a + b),
            Binary::Sub => spread(self, a, b, broadcast, |a, b| a - b),
            Binary::Mul => spread(self, a, b, broadcast, |a, b| a * b),
            Binary::Div => spread(self, a, b, broadcast, |a, b| a / b),
        })
    }
}

fn spread(
    cpu: &Cpu,
    a: &[f32],
    b: &[f32],
    broadcast: Broadcast,
    f: impl Fn(f32, f32) -> f32 + Sync + Send,
) -> <Cpu as crate::storage::Storage>::Buffer {
    match broadcast {
        Broadcast::Same => cpu.map2(a, b, f),
        Broadcast::Scalar => {
            let b = b[0];
            cpu.map(a, |a| f(a, b))
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

//! Kernels of `Cpu`; the table has their loops.

use super::{UnaryGrad, UnaryOp};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::op::Kernel;

impl Kernel<UnaryOp> for Cpu {
    fn compute(&self, op: &UnaryOp, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(op.f.map(self, x))
    }
}

impl Kernel<UnaryGrad> for Cpu {
    fn compute(&self, op: &UnaryGrad, [x, y, grad_output]: [&Self::Buffer; 3]) -> Result<Self::Buffer> {
        Ok(op.f.map_grad(self, x, y, grad_output))
    }
}

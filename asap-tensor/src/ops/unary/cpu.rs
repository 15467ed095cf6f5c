//! Kernels of `Cpu`.

use super::{Unary, UnaryOps};
use crate::cpu::Cpu;
use crate::error::Result;

impl UnaryOps for Cpu {
    fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn unary_grad(
        &self,
        op: Unary,
        x: &Self::Buffer,
        y: &Self::Buffer,
        grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

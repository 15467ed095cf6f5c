//! Kernels of `Cpu`.

use super::PoolOps;
use crate::cpu::Cpu;
use crate::error::Result;

impl PoolOps for Cpu {
    fn max_pool2(&self, x: &Self::Buffer, planes: usize, height: usize, width: usize) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn max_pool2_grad(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        planes: usize,
        height: usize,
        width: usize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

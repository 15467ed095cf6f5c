//! The memory of `Cpu`'s kernels.

use super::PoolOps;
use crate::error::Result;
use crate::plan::Plan;

impl PoolOps for Plan {
    fn max_pool2(&self, _x: &Self::Buffer, planes: usize, height: usize, width: usize) -> Result<Self::Buffer> {
        Ok(self.block(planes * (height / 2) * (width / 2)))
    }

    fn max_pool2_grad(
        &self,
        x: &Self::Buffer,
        _grad_output: &Self::Buffer,
        _planes: usize,
        _height: usize,
        _width: usize,
    ) -> Result<Self::Buffer> {
        Ok(self.block(x.count()))
    }
}
